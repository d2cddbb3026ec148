/**
 * A pgbouncer in transaction mode in front of a test database, where the program is installed (Debian: `pgbouncer`).
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from '../../../local/src/postgres/server.ts'
import { withConnection } from '../../src/database/connect.ts'
import { waitUntil } from './gateway.ts'
import type { TestDatabase } from './pg.ts'

/** Where the program is; undefined where it is not installed. */
export const pgbouncerProgram = [...(process.env.PATH ?? '').split(':'), '/usr/sbin']
  .map((folder) => join(folder, 'pgbouncer'))
  .find((path) => existsSync(path))

/** A running pgbouncer. */
export interface PgBouncer {
  /** The database as the gateway's login reaches it through the pooler. */
  readonly gatewayUrl: string
  /** Ends it at once, and starts it again on the same port. @param serverPort of another server, from now on */
  restart(serverPort?: number): Promise<void>
  close(): Promise<void>
}

/**
 * Starts one with `size` server connections for all its clients.
 *
 * Nothing in its configuration is there for the gateway's sake: what SECURITY.md recommends beyond it is not needed here.
 */
export async function startPgBouncer(
  database: Pick<TestDatabase, 'name' | 'gatewayUrl'>,
  size: number,
): Promise<PgBouncer> {
  const folder = mkdtempSync(join(tmpdir(), 'rowpass-pgbouncer-'))
  const url = new URL(database.gatewayUrl)
  const port = await freePort()
  const users = join(folder, 'users.txt')
  const settings = join(folder, 'pgbouncer.ini')
  const log = join(folder, 'log')
  let serverPort = Number(url.port)
  let ended: Promise<void> = Promise.resolve()
  let child: ChildProcess
  // Started by root, it must be told to run as somebody else.
  const asRoot = process.getuid?.() === 0
  if (asRoot) chmodSync(folder, 0o777)
  writeFileSync(users, `"${url.username}" "${url.password}"\n`)
  url.port = String(port)

  async function start(): Promise<void> {
    writeFileSync(
      settings,
      `[databases]
${database.name} = host=${url.hostname} port=${serverPort}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = ${users}
pool_mode = transaction
default_pool_size = ${size}
logfile = ${log}
`,
    )
    const started = spawn(pgbouncerProgram as string, [...(asRoot ? ['-u', 'nobody'] : []), settings], {
      stdio: 'ignore',
    })
    child = started
    ended = new Promise((resolve) => started.once('exit', () => resolve()))
    await waitUntil(async () => {
      if (started.exitCode !== null) throw new Error(readFileSync(log, 'utf8'))
      return withConnection(url.href, async () => true).catch(() => false)
    })
  }

  async function stop(): Promise<void> {
    child.kill('SIGQUIT')
    await ended
  }

  await start()
  return {
    gatewayUrl: url.href,
    async restart(other = serverPort) {
      await stop()
      serverPort = other
      await start()
    },
    async close() {
      await stop()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
