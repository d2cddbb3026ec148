/**
 * Builds `dist`, what the package carries: JavaScript with its sources in the maps, declarations, the SQL that is installed, and
 * beside it the pages of the repository that the package carries.
 */
import { execFileSync } from 'node:child_process'
import { cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../packages/rowpass/', import.meta.url))
const dist = join(root, 'dist')
const compiler = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin/tsc')

rmSync(dist, { recursive: true, force: true })
execFileSync(process.execPath, [compiler, '-p', join(root, 'tsconfig.build.json')], {
  stdio: 'inherit',
})
for (const room of ['database', 'seal', 'issuer']) {
  cpSync(join(root, 'src', room, 'sql'), join(dist, room, 'sql'), { recursive: true })
}
for (const name of ['README.md', 'LICENSE', 'CHANGELOG.md', 'SECURITY.md', 'docs']) {
  cpSync(join(root, '../..', name), join(root, name), { recursive: true })
}

// The compiler leaves `./x.ts` in declarations. It finds x.d.ts by that, which not every tool does.
for (const name of readdirSync(dist, { recursive: true, encoding: 'utf8' })) {
  if (!name.endsWith('.d.ts')) continue
  const file = join(dist, name)
  writeFileSync(
    file,
    readFileSync(file, 'utf8').replaceAll(/((?:from|import)\s*\(?\s*['"]\.[^'"]*)\.ts(['"])/g, '$1.js$2'),
  )
}
