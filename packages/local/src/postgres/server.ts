/**
 * Runs the server process of the embedded PostgreSQL: start, readiness, end, and what an earlier start left behind.
 */

import { spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync, renameSync, statSync } from 'node:fs'
import { createServer } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { Failure } from 'rowpass'
import { markSelf, readJsonFile, scramVerifier, writeJsonFile } from 'rowpass/operate'
import { type Account, type PostgresPrograms, programEnvironment } from './binaries.ts'
import { type Guarded, spawnGuarded } from './guardian.ts'
import { clearPostmaster, readPostmaster } from './postmaster.ts'

/** A data folder and what is needed to run it. */
export interface ServerPlace {
  readonly dataDirectory: string
  readonly account: Account | undefined
  readonly programs: PostgresPrograms
  readonly logFile: string
  /** Remembers port and parent process from one start to the next. */
  readonly stateFile: string
}

/** How a server runs. */
export interface ServerSettings {
  readonly durable: boolean
  /** Private memory that each of its processes may have, in MB; 0 is no limit. */
  readonly memoryMb: number
}

/** A running server. */
export interface ServerProcess {
  readonly port: number
  readonly ended: Promise<void>
  stop(): Promise<void>
}

const startTimeoutMs = 60_000
const fastShutdownMs = 8_000
const pollMs = 10

/**
 * Starts the server of an initialised data folder and waits until it accepts connections.
 *
 * @throws Failure see `startEmbeddedPostgres`; `port_taken` when `port` was asked for and is not free
 */
export async function startServer(place: ServerPlace & ServerSettings & { port?: number }): Promise<ServerProcess> {
  const state = readJsonFile(place.stateFile)
  await clearPostmaster(place.dataDirectory, state?.parent)
  const remembered = typeof state?.port === 'number' ? state.port : undefined
  for (let attempt = 1; ; attempt++) {
    const port = place.port ?? (await freePort(attempt === 1 ? remembered : undefined))
    writeJsonFile(place.stateFile, { port, parent: markSelf() })
    try {
      return await launch(place, port)
    } catch (error) {
      const again = error instanceof Failure && error.code === 'port_taken' && place.port === undefined && attempt < 5
      if (!again) throw error
    }
  }
}

/**
 * Gives the superuser of a stopped data folder a new password, in single-user mode: no network, no password asked.
 *
 * @throws Failure as {@link startServer}
 */
export async function resetSuperuserPassword(place: ServerPlace, password: string): Promise<void> {
  await clearPostmaster(place.dataDirectory, readJsonFile(place.stateFile)?.parent)
  const child = spawn(place.programs.postgres, ['--single', '-D', place.dataDirectory, 'postgres'], {
    ...place.account,
    cwd: '/',
    env: programEnvironment,
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  const status = new Promise<number | null>((resolve, reject) => child.on('error', reject).on('close', resolve))
  child.stdin.on('error', () => undefined)
  child.stdin.end(`alter role postgres password '${scramVerifier(password)}'\n`)
  if ((await status) !== 0) {
    throw new Failure('embedded_start_failed', { detail: 'its superuser password could not be set anew' })
  }
}

/** A port on 127.0.0.1 that is free at this moment: the preferred one if it is, else any. */
export async function freePort(preferred = 0): Promise<number> {
  const probe = createServer()
  return new Promise((resolve, reject) => {
    probe.once('error', (error) => (preferred === 0 ? reject(error) : resolve(freePort())))
    probe.listen({ port: preferred, host: '127.0.0.1', exclusive: true }, () => {
      const address = probe.address()
      probe.close(() => (typeof address === 'object' && address ? resolve(address.port) : reject(new Error('no port'))))
    })
  })
}

async function launch(place: ServerPlace & ServerSettings, port: number): Promise<ServerProcess> {
  const server = await spawnServer(place, port)
  const over = server.ended.then(() => 'ended' as const)
  const stop = async (): Promise<void> => {
    server.interrupt()
    if ((await Promise.race([over, timer(fastShutdownMs)])) === 'ended') return
    process.kill(server.pid, 'SIGQUIT')
    await over
  }
  for (const deadline = Date.now() + startTimeoutMs; Date.now() < deadline; ) {
    if ((await Promise.race([over, timer(pollMs)])) === 'ended') throw explainStart(place.logFile, port)
    const seen = readPostmaster(place.dataDirectory)
    if (seen?.pid === server.pid && seen.ready) return { port, ended: over.then(() => undefined), stop }
  }
  await stop()
  throw startFailed(`it was not ready after ${startTimeoutMs / 1000} s`)
}

async function spawnServer(place: ServerPlace & ServerSettings, port: number): Promise<Guarded> {
  const settings = {
    port,
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    password_encryption: 'scram-sha-256',
    timezone: 'UTC',
    log_timezone: 'UTC',
    ...(place.durable ? {} : { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' }),
  }
  const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  const output = openLog(place.logFile)
  try {
    const command = [place.programs.postgres, '-D', place.dataDirectory, ...flags]
    return await spawnGuarded(limitMemory(command, place.memoryMb), { account: place.account, output })
  } finally {
    closeSync(output)
  }
}

/**
 * Every process of the server has the limit by itself: a statement that needs more fails with 53200, and no other notices.
 * RLIMIT_DATA counts private memory only. RLIMIT_AS would count shared buffers, and the stack, whose growth must not fail.
 * Where a limit below this one is in force already, that one stays. macOS does not apply it to what malloc() gets.
 */
function limitMemory(command: readonly string[], megabytes: number): readonly string[] {
  if (megabytes === 0 || process.platform !== 'linux') return command
  return ['/bin/sh', '-c', 'ulimit -d "$0" 2>/dev/null; exec "$@"', String(megabytes * 1024), ...command]
}

/** One log for each start; that of the start before is kept beside it. */
function openLog(path: string): number {
  if (statSync(path, { throwIfNoEntry: false }) !== undefined) renameSync(path, `${path}.1`)
  return openSync(path, 'a', 0o600)
}

/** Turns the server's last words into one failure. */
function explainStart(logFile: string, port: number): Failure {
  const log = readFileSync(logFile, 'utf8').slice(-8192)
  const words = [...log.matchAll(/(?:FATAL|PANIC):\s+(.+)/g)].at(-1)?.[1] ?? log.trim().split('\n').at(-1)?.trim()
  const last = words || 'it said nothing'
  if (log.includes('No space left on device')) return startFailed('the disk is full')
  if (/Address already in use|could not bind/.test(log)) {
    return new Failure('port_taken', { detail: `127.0.0.1:${port} is not free for the embedded PostgreSQL` })
  }
  if (last.includes('postmaster.pid" already exists')) {
    return new Failure('already_running', { detail: 'another process has just started its database' })
  }
  if (damage.test(log)) return new Failure('embedded_data_invalid', { detail: last })
  return startFailed(last)
}

/** What PostgreSQL says of data folders that are damaged or incomplete. */
const damage =
  /PANIC:|checkpoint record|corrupt|incompatible with server|" does not exist|could not find the database system|could not (?:open|read|access) (?:file|directory)/

function startFailed(detail: string): Failure {
  return new Failure('embedded_start_failed', { detail })
}

function timer(ms: number): Promise<'elapsed'> {
  return delay(ms, 'elapsed' as const, { ref: false })
}
