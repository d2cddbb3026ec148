#!/usr/bin/env node
// Copies `template/` into a new folder. Plain JavaScript without dependencies: it is what people run before they have any.
import { cpSync, existsSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { basename, join, relative, resolve } from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'

const help = `Usage: npm create rowpass <folder>

Writes an application into a new folder: an API on Hono, tables and policies in TypeScript (Drizzle), a page, tests, all of
it yours to change. PostgreSQL and the gateway come with it for development: no account, no Docker.

  -h, --help     print this
  -v, --version  print the version

Example:
  $ npm create rowpass my-app
  $ cd my-app && npm install && npm start

Exit codes: 0 written, 1 not written, 2 wrong usage.
`

const template = fileURLToPath(new URL('../template/', import.meta.url))
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
cpSync(template, target, { recursive: true })
// npm leaves files of this name out of packages.
renameSync(join(target, 'gitignore'), join(target, '.gitignore'))
const manifest = join(target, 'package.json')
writeFileSync(manifest, `${JSON.stringify({ ...readManifest(manifest), name }, null, 2)}\n`)
end(
  0,
  `${name} is in ${target}

  cd ${relative(process.cwd(), target) || '.'}
  npm install
  npm start       API, page, gateway and PostgreSQL, until Ctrl-C
  npm test        who may see what, on a PostgreSQL of its own

Tables and policies: src/db/schema.ts   Routes: src/routes   People of the tests: people.json
`,
)

function readManifest(path) {
  return JSON.parse(readFileSync(path, 'utf8'))
}

function end(code, text) {
  ;(code === 0 ? process.stdout : process.stderr).write(text)
  process.exit(code)
}
