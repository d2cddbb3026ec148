/**
 * Builds `dist` of each package: JavaScript with its sources in the maps, declarations, SQL, and beside it the pages of the
 * repository that the product carries.
 *
 * tsx tools/build.ts [--stale]   with --stale only if a source is newer than what was built
 */
import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
/** Each one after those that it imports. */
const packages = ['packages/rowpass', 'packages/local'].map((folder) => join(root, folder))
const pages = ['README.md', 'CHANGELOG.md', 'SECURITY.md', 'llms.txt', 'docs']
const ofTemplate = [
  'src',
  'web',
  'drizzle',
  'test/people.test.ts',
  'skills',
  'AGENTS.md',
  'drizzle.config.ts',
  'generate-keys.ts',
  'people.json',
  'seed.sql',
  'tsconfig.json',
  'wrangler.jsonc',
  '.dev.vars.example',
]
const template = join(root, 'packages/create-rowpass/template')
/** That of the application; the demo's own is about this repository. */
const readme = join(root, 'packages/create-rowpass/app-readme.md')
const compiler = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin/tsc')

const onlyStale = process.argv.includes('--stale')
for (const folder of packages) if (isDue(join(folder, 'src'), join(folder, 'dist'))) build(folder)
if ([join(root, 'demo'), readme].some((source) => isDue(source, template))) copyTemplate()
for (const name of ['rowpass', 'local', 'create-rowpass'])
  cpSync(join(root, 'LICENSE'), join(root, 'packages', name, 'LICENSE'))
for (const page of pages) {
  const copy = join(root, 'packages/rowpass', page)
  if (isDue(join(root, page), copy)) cpSync(join(root, page), copy, { recursive: true })
}

function build(folder: string): void {
  const dist = join(folder, 'dist')
  rmSync(dist, { recursive: true, force: true })
  // `npm run types` checks types; what is built in passing is to run, also where somebody tries something.
  const argv = [compiler, '-p', join(folder, 'tsconfig.build.json'), ...(onlyStale ? ['--noCheck'] : [])]
  execFileSync(process.execPath, argv, { stdio: 'inherit' })
  for (const name of namesIn(join(folder, 'src'))) {
    if (name.endsWith('.sql')) cpSync(join(folder, 'src', name), join(dist, name))
  }
  // The compiler leaves `./x.ts` in declarations. It finds x.d.ts by that, which not every tool does.
  for (const name of namesIn(dist)) {
    if (!name.endsWith('.d.ts')) continue
    const file = join(dist, name)
    const text = readFileSync(file, 'utf8')
    writeFileSync(file, text.replaceAll(/((?:from|import)\s*\(?\s*['"]\.[^'"]*)\.ts(['"])/g, '$1.js$2'))
  }
  utimesSync(dist, new Date(), new Date())
}

/** The demo as an application of one's own: without the tests that need this repository, and free to have more. */
function copyTemplate(): void {
  rmSync(template, { recursive: true, force: true })
  for (const name of ofTemplate) cpSync(join(root, 'demo', name), join(template, name), { recursive: true })
  const { private: _, ...manifest } = JSON.parse(readFileSync(join(root, 'demo/package.json'), 'utf8'))
  const { allowScripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  const scripts = { ...manifest.scripts, test: 'vitest run' }
  const own = { ...manifest, private: true, scripts, allowScripts }
  writeFileSync(join(template, 'package.json'), `${JSON.stringify(own, null, 2)}\n`)
  cpSync(readme, join(template, 'README.md'))
  writeFileSync(join(template, 'gitignore'), 'node_modules/\n.rowpass/\n.wrangler/\n.dev.vars\n*.jwk.json\n*.log\n')
  utimesSync(template, new Date(), new Date())
}

/** Tests run beside each other what is built: nothing of it may be made anew without need. */
function isDue(source: string, made: string): boolean {
  if (!onlyStale || !existsSync(made)) return true
  const madeAt = statSync(made).mtimeMs
  const files = statSync(source).isDirectory() ? namesIn(source).map((name) => join(source, name)) : [source]
  return files.some((file) => !/[\\/]\.(rowpass|wrangler)\b/.test(file) && statSync(file).mtimeMs > madeAt)
}

function namesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
}
