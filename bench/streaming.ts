/**
 * A PostgreSQL and standbys that stream from it, by the programs of Debian's packages: servers of a throw-away folder, on
 * 127.0.0.1, which end with this process.
 */
import { spawnSync } from 'node:child_process'
import { closeSync, existsSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { accountOf } from '../packages/local/src/postgres/data-folder.ts'
import { spawnGuarded } from '../packages/local/src/postgres/guardian.ts'
import { freePort } from '../packages/local/src/postgres/server.ts'
import { withConnection } from '../packages/rowpass/src/database/connect.ts'
import { makeScratch } from './scratch.ts'

/** Where the programs are; undefined where Debian's package `postgresql-15`, or a later one, is not installed. */
export const debianPrograms = findPrograms()

/** A running server. */
export interface StreamingServer {
  readonly port: number
  /** Process whose children are the backends. */
  postmasterPid(): number
  /** Superuser, database `postgres`. */
  readonly superuserUrl: string
  /** Ends every process of it at once, as if the machine had lost its power: nobody is told anything. */
  kill(): Promise<void>
  /** Stops every process of it, or has them go on: nothing is answered, and nothing closed. */
  freeze(frozen: boolean): void
  /** Has a standby take writes, and waits until it does. */
  promote(): Promise<void>
}

/** Servers of one folder. */
export interface Streaming {
  readonly primary: StreamingServer
  /** Makes a standby of the primary, which is named by `name` in `synchronous_standby_names`. */
  addStandby(name: string): Promise<StreamingServer>
  close(): Promise<void>
}

const password = 'of-a-throw-away-server'

/** Starts a server with no standby. */
export async function startStreaming(): Promise<Streaming> {
  const directory = makeScratch('rowpass-streaming')
  const account = accountOf(join(directory, 'none'))
  const secret = join(directory, 'password')
  const servers: StreamingServer[] = []

  function run(program: string, ...args: string[]): void {
    const { status, stderr } = spawnSync(join(debianPrograms as string, program), args, {
      ...account,
      cwd: '/',
      env: { PATH: process.env.PATH, PGPASSWORD: password },
      encoding: 'utf8',
    })
    if (status !== 0) throw new Error(`${program}: ${stderr}`)
  }

  async function start(data: string): Promise<StreamingServer> {
    const port = await freePort()
    const log = openSync(`${data}.log`, 'a')
    const flags = [`port=${port}`, 'listen_addresses=127.0.0.1', 'unix_socket_directories=', 'fsync=off']
    const command = [join(debianPrograms as string, 'postgres'), '-D', data, ...flags.flatMap((flag) => ['-c', flag])]
    const server = await spawnGuarded(command, { account, output: log })
    closeSync(log)
    const superuserUrl = `postgresql://postgres:${password}@127.0.0.1:${port}/postgres`
    const signal = (name: NodeJS.Signals): void => {
      for (const pid of withDescendants(server.pid)) {
        try {
          process.kill(pid, name)
        } catch {
          // It has ended meanwhile.
        }
      }
    }
    const asks = (sql: string): Promise<boolean> =>
      withConnection(superuserUrl, async (client) => (await client.query(sql)).rows[0].yes).catch(() => false)
    await until(() => asks('select true as yes'))
    const started: StreamingServer = {
      port,
      postmasterPid: () => Number(readFileSync(join(data, 'postmaster.pid'), 'utf8').split('\n', 1)[0]),
      superuserUrl,
      async kill() {
        signal('SIGKILL')
        await server.ended
      },
      freeze: (frozen) => signal(frozen ? 'SIGSTOP' : 'SIGCONT'),
      async promote() {
        await asks('select pg_promote(wait => false) as yes')
        await until(() => asks('select not pg_is_in_recovery() as yes'))
      },
    }
    servers.push(started)
    return started
  }

  writeFileSync(secret, password, { mode: 0o644 })
  const folder = join(directory, 'servers')
  spawnSync('install', ['-d', ...(account === undefined ? [] : ['-o', String(account.uid)]), folder])
  const data = join(folder, 'primary')
  run('initdb', `--pgdata=${data}`, '--username=postgres', '--auth=scram-sha-256', `--pwfile=${secret}`, '--no-sync')
  const primary = await start(data)
  return {
    primary,
    async addStandby(name) {
      const copy = join(folder, name)
      const source = `host=127.0.0.1 port=${primary.port} user=postgres password=${password} application_name=${name}`
      run(
        'pg_basebackup',
        `--dbname=${source}`,
        `--pgdata=${copy}`,
        '--write-recovery-conf',
        '--checkpoint=fast',
        '--no-sync',
      )
      return start(copy)
    },
    async close() {
      for (const server of servers) {
        server.freeze(false)
        await server.kill()
      }
      rmSync(directory, { recursive: true, force: true })
    },
  }
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  for (const deadline = Date.now() + 60_000; !(await condition()); await delay(50)) {
    if (Date.now() > deadline) throw new Error(`not within a minute: ${condition}`)
  }
}

/** A process and all that it has started, as far as they are there. */
export function withDescendants(pid: number): number[] {
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean)
    return [pid, ...children.flatMap((child) => withDescendants(Number(child)))]
  } catch {
    return []
  }
}

function findPrograms(): string | undefined {
  const root = '/usr/lib/postgresql'
  if (!existsSync(root)) return undefined
  return readdirSync(root)
    .map((version) => join(root, version, 'bin'))
    .find((folder) => existsSync(join(folder, 'pg_basebackup')))
}
