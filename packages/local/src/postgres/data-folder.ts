/**
 * The data folder of the embedded server: where it is, whose it is, whether it can be used, and how it is made.
 */

import { spawnSync } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import {
  chmodSync,
  chownSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { Failure } from 'rowpass'
import { errnoOf, isAlive, isErrno, stateFolder } from 'rowpass/operate'
import { type Account, type PostgresPrograms, programEnvironment } from './binaries.ts'
import { spawnGuarded } from './guardian.ts'

/** Runs the server when this process is root: `nobody` on Linux. */
const nobody: Account = { uid: 65534, gid: 65534 }

/**
 * Decides where the data of a project lives: `.rowpass/postgres`, or, when this process is root and the account that
 * runs the server cannot enter the project, a folder of the shared one that is named after the project's path.
 *
 * @returns the path and, when it is not the usual one, the reason in one line
 */
export function chooseDataFolder(
  project: string,
  options: { sharedFolder: string },
): { path: string; reason?: string } {
  const usual = join(resolve(project), stateFolder, 'postgres')
  if (process.getuid?.() !== 0 || existsSync(join(usual, 'PG_VERSION'))) return { path: usual }
  const name = createHash('sha256').update(resolve(project)).digest('hex').slice(0, 16)
  const elsewhere = join(options.sharedFolder, name, 'postgres')
  if (!existsSync(join(elsewhere, 'PG_VERSION')) && canEnter(dirname(usual), nobody)) return { path: usual }
  return { path: elsewhere, reason: `data is kept in ${elsewhere}, because uid ${nobody.uid} cannot enter ${project}` }
}

/** The account that runs the server of a data folder; undefined is the account of this process. */
export function accountOf(path: string): Account | undefined {
  if (process.getuid?.() !== 0) return undefined
  const owner = statSync(path, { throwIfNoEntry: false })
  return owner === undefined || owner.uid === 0 ? nobody : { uid: owner.uid, gid: owner.gid }
}

/**
 * Looks at a data folder without changing it.
 *
 * Does NOT look inside its files: a damaged table shows when the server starts or reads it.
 *
 * @throws Failure `embedded_data_invalid` when there is something, but not a data folder that these programs can run
 */
export function checkDataFolder(
  path: string,
  programs: PostgresPrograms,
  account: Account | undefined,
): 'missing' | 'ready' {
  if (!existsSync(path)) return 'missing'
  const major = programs.version.split('.')[0]
  try {
    if (readdirSync(path).length === 0) return 'missing'
    const found = readFileSync(join(path, 'PG_VERSION'), 'utf8').trim()
    if (found !== major) throw invalid(`${path} was made by PostgreSQL ${found}, and this Rowpass carries ${major}`)
    const owner = statSync(path).uid
    const runner = account?.uid ?? process.getuid?.()
    if (owner !== runner) throw invalid(`${path} belongs to uid ${owner}, and this process is uid ${runner}`)
  } catch (error) {
    if (error instanceof Failure) throw error
    if (isErrno(error, 'ENOENT')) throw invalid(`${path} is not a PostgreSQL data folder: it has no PG_VERSION`)
    throw invalid(`${path} cannot be read (${errnoOf(error)})`, error)
  }
  if (account !== undefined && !canEnter(path, account)) throw invalid(`uid ${account.uid} cannot enter ${path}`)
  return 'ready'
}

/**
 * Makes a data folder. Whatever interrupts this, the folder is either whole or not there.
 *
 * @throws Failure `embedded_start_failed` when `initdb` fails, with its own words
 */
export async function createDataFolder(
  path: string,
  options: {
    programs: PostgresPrograms
    account: Account | undefined
    logFile: string
    password: string
    durable: boolean
  },
): Promise<void> {
  const { programs, account, logFile, password, durable } = options
  const parent = dirname(path)
  mkdirSync(parent, { recursive: true, mode: 0o755 })
  removeAbandonedDrafts(path)
  const draft = `${path}.partial-${process.pid}-${randomBytes(4).toString('hex')}`
  const passwordFile = `${draft}.pw`
  try {
    mkdirSync(draft, { mode: 0o700 })
    writeFileSync(passwordFile, `${password}\n`, { mode: 0o600, flag: 'wx' })
    if (account !== undefined) {
      for (const each of [draft, passwordFile]) chownSync(each, account.uid, account.gid)
    }
    const flags = ['--username=postgres', '--auth=scram-sha-256', '--encoding=UTF8', '--no-locale', '--no-instructions']
    if (!durable) flags.push('--no-sync')
    flags.push(`--pgdata=${draft}`, `--pwfile=${passwordFile}`)
    await runInitdb([programs.initdb, ...flags], account, logFile)
    renameSync(draft, path)
  } catch (error) {
    // Another process that started at the same time made the folder first.
    if (!['ENOTEMPTY', 'EEXIST'].includes(errnoOf(error))) throw explainCreate(path, error)
  } finally {
    rmSync(draft, { recursive: true, force: true })
    rmSync(passwordFile, { force: true })
  }
}

function explainCreate(path: string, error: unknown): Failure {
  if (error instanceof Failure) return error
  const code = errnoOf(error)
  const detail = code === 'ENOSPC' ? 'the disk is full' : `${path} cannot be made (${code})`
  return new Failure('embedded_start_failed', { detail, cause: error })
}

async function runInitdb(command: readonly string[], account: Account | undefined, logFile: string): Promise<void> {
  const output = openSync(logFile, 'w', 0o600)
  try {
    const { ended } = await spawnGuarded(command, { account, output })
    const status = await ended
    if (status === 0) return
    throw new Failure('embedded_start_failed', { detail: explainInitdb(readFileSync(logFile, 'utf8'), status) })
  } finally {
    closeSync(output)
  }
}

function explainInitdb(log: string, status: number | null): string {
  if (log.includes('No space left on device')) return 'the disk is full'
  // initdb refuses to run as a uid without a name, which is how some container platforms run everything.
  const nameless = /could not look up effective user ID \d+/.exec(log)?.[0]
  if (nameless !== undefined) return `initdb: ${nameless}; give that uid a line in /etc/passwd`
  const lines = log.split('\n').filter((line) => line.trim() !== '')
  const last = lines.filter((line) => /^initdb: |FATAL|ERROR/.test(line)).at(-1) ?? lines.at(-1)
  return last?.replace(/^initdb: (error: )?/, 'initdb: ') ?? `initdb: exit code ${status}`
}

/** Unfinished folders of processes that are gone: no server ever ran in them, so they hold nobody's data. */
function removeAbandonedDrafts(path: string): void {
  const pattern = new RegExp(`^${basename(path)}\\.partial-(\\d+)-[0-9a-f]{8}(\\.pw)?$`)
  for (const name of readdirSync(dirname(path))) {
    const pid = pattern.exec(name)?.[1]
    if (pid === undefined || isAlive(Number(pid))) continue
    try {
      rmSync(join(dirname(path), name), { recursive: true, force: true })
    } catch {
      // Its initdb has not ended yet. The next start tries again.
    }
  }
}

/** Asks the system itself, because modes of the folders above, groups and access lists all have a say. */
function canEnter(path: string, account: Account): boolean {
  const run = spawnSync('/bin/sh', ['-c', 'cd "$1"', 'sh', path], { ...account, cwd: '/', env: programEnvironment })
  return run.status === 0
}

function invalid(detail: string, cause?: unknown): Failure {
  return new Failure('embedded_data_invalid', { detail, cause })
}

/** Lets a closed parent, such as a folder of `mkdtemp`, be entered (not listed) by the account of the server. */
export function openForServer(path: string): void {
  if (process.getuid?.() === 0) chmodSync(path, 0o711)
}
