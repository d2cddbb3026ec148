/**
 * A release of the packages: looks for what is wrong with it, packs them, and publishes only when asked to.
 *
 * tsx tools/release.ts [--publish]   without it nothing leaves this machine
 *
 * Provenance says which commit of which repository a package was built from: npm takes it from a CI that it trusts, so
 * `--publish` is for a workflow there (`id-token: write`), and `repository` has to be that workflow's.
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** In the order in which they are published: each one after those that it needs. */
const folders = ['packages/rowpass', 'packages/local', 'packages/create-rowpass']

/** What keeps a release from being made, one line each. */
export function findProblems(root: string): string[] {
  const manifests = [...folders, 'demo'].map((folder) => ({ folder, ...readManifest(join(root, folder)) }))
  const [{ version }] = manifests as [(typeof manifests)[number]]
  const names = new Set(manifests.map(({ name }) => name))
  const problems = manifests
    .filter((each) => each.version !== version)
    .map((each) => `${each.folder} is ${each.version}, and ${folders[0]} is ${version}`)
  for (const { folder, ...manifest } of manifests) {
    const asked = { ...manifest.dependencies, ...manifest.devDependencies, ...manifest.peerDependencies }
    for (const [name, range] of Object.entries(asked))
      if (names.has(name) && range !== version) problems.push(`${folder} asks for ${name} ${range}, not ${version}`)
  }
  for (const { folder, repository } of manifests.slice(0, folders.length))
    if (repository === undefined) problems.push(`${folder}/package.json has no "repository", which provenance needs`)
  const changes = readFileSync(join(root, 'CHANGELOG.md'), 'utf8')
  if (!changes.includes(`\n## ${version}`)) problems.push(`CHANGELOG.md has no section "## ${version}"`)
  const changed = execFileSync('git', ['status', '--porcelain'], { cwd: root, encoding: 'utf8' })
  if (changed !== '') problems.push(`the working tree is not clean:\n${changed.trimEnd()}`)
  return problems
}

/** Builds and packs. @returns the paths of the tarballs, in the order in which they are published */
function packAll(root: string): string[] {
  execFileSync('npm', ['run', '--silent', 'build'], { cwd: root, stdio: 'inherit' })
  const into = mkdtempSync(join(tmpdir(), 'rowpass-release-'))
  return folders.map((folder) => {
    const argv = ['pack', '--json', '--ignore-scripts', `--pack-destination=${into}`]
    const [packed] = JSON.parse(execFileSync('npm', argv, { cwd: join(root, folder), encoding: 'utf8' }))
    const { filename, size, entryCount, integrity } = packed
    console.log(`${filename}  ${entryCount} files, ${Math.ceil(size / 1000)} kB  ${integrity}`)
    return join(into, filename)
  })
}

interface Manifest {
  readonly name: string
  readonly version: string
  readonly repository?: unknown
  readonly dependencies?: Readonly<Record<string, string>>
  readonly devDependencies?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
}

function readManifest(folder: string): Manifest {
  return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const root = fileURLToPath(new URL('..', import.meta.url))
  const tarballs = packAll(root)
  const problems = findProblems(root)
  for (const problem of problems) console.error(`not ready: ${problem}`)
  if (problems.length > 0) process.exit(1)
  for (const tarball of tarballs) {
    const argv = ['publish', tarball, '--provenance', '--access', 'public']
    console.log(`npm ${argv.join(' ')}`)
    if (process.argv.includes('--publish')) execFileSync('npm', argv, { stdio: 'inherit' })
  }
}
