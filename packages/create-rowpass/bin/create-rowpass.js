#!/usr/bin/env node
// Copies `template/` into a new folder. Plain JavaScript without dependencies: it is what people run before they have any.
import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { basename, join, relative, resolve } from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'

const help = `Usage: npm create rowpass <folder>

Writes an application into a new folder: an API on Hono, tables and policies in TypeScript (Drizzle), a page, tests, all of
it yours to change. PostgreSQL and the gateway come with it for development: no account, no Docker.

In a clone of Rowpass, once "npm install" has run there, the same command takes the packages of the clone and not those of
npm: it packs them into the folder "packages" of the application.

  -h, --help     print this
  -v, --version  print the version

Example:
  $ npm create rowpass my-app
  $ cd my-app && npm install && npm start

Exit codes: 0 written, 1 not written, 2 wrong usage.
`

const template = fileURLToPath(new URL('../template/', import.meta.url))
const clone = fileURLToPath(new URL('../../../', import.meta.url))
const isInClone = readManifest(join(clone, 'package.json'))?.name === 'rowpass-repository'
const [folder, ...more] = process.argv.slice(2)
if (folder === '-h' || folder === '--help') end(0, help)
if (folder === '-v' || folder === '--version')
  end(0, `${readManifest(new URL('../package.json', import.meta.url)).version}\n`)
if (folder === undefined || more.length > 0 || folder.startsWith('-')) end(2, help)

const target = resolve(folder)
const name = basename(target)
if (!/^[a-z0-9][a-z0-9._-]{0,99}$/.test(name)) {
  end(2, `error: "${name}" cannot be the name of a package: lower-case letters, digits, - . _ are what it may have\n`)
}
if (existsSync(target) && readdirSync(target).length > 0) {
  end(1, `error: ${target} has files in it. Name a folder that is empty, or that is not there yet.\n`)
}
const npm = (...argv) =>
  execFileSync('npm', argv, { cwd: clone, encoding: 'utf8', shell: process.platform === 'win32' })
if (isInClone) {
  if (!existsSync(join(clone, 'node_modules'))) end(1, `error: run "npm install" in ${clone} first\n`)
  npm('run', '--silent', 'prepare')
}
cpSync(template, target, { recursive: true })
// npm leaves files of this name out of packages.
renameSync(join(target, 'gitignore'), join(target, '.gitignore'))
const readme = join(target, 'README.md')
writeFileSync(readme, readFileSync(readme, 'utf8').replace('# my-app', `# ${name}`))
const manifest = join(target, 'package.json')
const own = { ...readManifest(manifest), name }
if (isInClone) takeFromClone(own)
writeFileSync(manifest, `${JSON.stringify(own, null, 2)}\n`)
end(
  0,
  `${name} is in ${target}${isInClone ? `, with rowpass and @rowpass/local as they are in ${clone}` : ''}

  cd ${relative(process.cwd(), target) || '.'}
  npm install
  npm start       API, page, gateway and PostgreSQL, until Ctrl-C
  npm test        who may see what, on a PostgreSQL of its own

Tables and policies: src/db/schema.ts   Routes: src/routes   People of the tests: people.json
`,
)

/** Has the application ask for what is packed here: there may be no such release, or another one. */
function takeFromClone({ dependencies, devDependencies }) {
  mkdirSync(join(target, 'packages'))
  for (const [name, asked] of [
    ['rowpass', dependencies],
    ['@rowpass/local', devDependencies],
  ]) {
    const argv = ['pack', '--json', '--ignore-scripts', `--workspace=${name}`, `--pack-destination=${target}/packages`]
    const [{ filename }] = JSON.parse(npm(...argv))
    asked[name] = `file:packages/${filename}`
  }
}

/** Undefined where there is none. */
function readManifest(path) {
  return existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : undefined
}

function end(code, text) {
  ;(code === 0 ? process.stdout : process.stderr).write(text)
  process.exit(code)
}
