/**
 * Two PostgreSQL servers that Patroni looks after, perhaps with a replica that never takes their place, and etcd, by the programs of Debian's packages: on 127.0.0.1, in a
 * throw-away folder, gone with this process unless that is killed (SIGKILL).
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { closeSync, openSync, readFileSync, rmSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { accountOf } from '../packages/local/src/postgres/data-folder.ts'
import { type Guarded, spawnGuarded } from '../packages/local/src/postgres/guardian.ts'
import { freePort } from '../packages/local/src/postgres/server.ts'
import { makeScratch } from './scratch.ts'
import { debianPrograms, withDescendants } from './streaming.ts'

/** One of the two. */
export interface PatroniServer {
  readonly superuserUrl: string
}

/** A third server, which follows whichever of the two is the primary, and which no commit waits for. */
export interface PatroniReplica {
  readonly port: number
  /** Waits until it runs, as a standby. */
  settled(): Promise<void>
  /** Ends it and its Patroni, every process at once. */
  lose(): Promise<void>
  /** Starts it again. */
  restore(): Promise<void>
  /** Stops every process of it, or has them go on: nothing is answered, and nothing closed. */
  freeze(frozen: boolean): void
  /** Stops what replays the log, or has it go on: everything is answered, and old. */
  holdReplay(held: boolean): void
}

/** Both of them. */
export interface PatroniPair {
  readonly ports: readonly number[]
  /** Only with `withReplica`. */
  readonly replica: PatroniReplica | undefined
  primary(): Promise<PatroniServer>
  standby(): Promise<PatroniServer>
  /** Waits until there are a primary and a standby that has all that is acknowledged. */
  settled(): Promise<void>
  /** Ends the primary and its Patroni, every process at once. */
  losePrimary(): Promise<void>
  /** The same with the standby. */
  loseStandby(): Promise<void>
  /** Starts the one that was lost, which becomes the standby of the other. */
  restoreLost(): Promise<void>
  /** Leaves the primary no room on its disk. Only with `diskBytes`. @returns what gives it back */
  fillDisk(): Promise<() => void>
  /** The end of both logs, for when something went wrong. */
  lastWords(): string
  close(): Promise<void>
}

interface Node extends PatroniServer {
  readonly name: string
  readonly api: number
  readonly port: number
  readonly config: string
  readonly data: string
  process: Guarded | undefined
}

const password = 'of-a-throw-away-server'

/** How to start them. */
export interface PatroniOptions {
  /** How long Patroni waits for a primary before another takes its place; 20 or more. */
  readonly ttlSeconds: number
  /** What the disk of each server holds, which is memory then; it takes root to make one. */
  readonly diskBytes?: number
  /** Whether there is a {@link PatroniReplica}; not by default. */
  readonly withReplica?: boolean
  /** Of PostgreSQL. */
  readonly parameters?: Readonly<Record<string, string>>
}

/** Starts them, and etcd. */
export async function startPatroniPair(options: PatroniOptions): Promise<PatroniPair> {
  const { ttlSeconds, diskBytes, withReplica = false, parameters = {} } = options
  const directory = makeScratch('rowpass-patroni')
  const account = accountOf(join(directory, 'none'))
  const folder = join(directory, 'servers')
  const makeFolder = (path: string) =>
    spawnSync('install', ['-d', ...(account === undefined ? [] : ['-o', String(account.uid)]), path])
  makeFolder(folder)
  const [client, peer] = [await freePort(), await freePort()]
  const [clientUrl, peerUrl] = [`http://127.0.0.1:${client}`, `http://127.0.0.1:${peer}`]
  const etcd = await start('etcd', [
    ...['/usr/bin/etcd', '--name', 'etcd', '--data-dir', join(folder, 'etcd'), '--unsafe-no-fsync'],
    ...['--listen-client-urls', clientUrl, '--advertise-client-urls', clientUrl, '--listen-peer-urls', peerUrl],
    ...['--initial-advertise-peer-urls', peerUrl, '--initial-cluster', `etcd=${peerUrl}`],
  ])
  const disks: string[] = []
  const nodes = [await makeNode('one'), await makeNode('two')]
  const third = withReplica ? await makeNode('three', { nofailover: true, nosync: true }) : undefined
  const all = third === undefined ? nodes : [...nodes, third]
  // The shell that guards it ends it by SIGINT, which Patroni does not heed there.
  process.once('exit', () => {
    all.forEach(kill)
    unmount()
  })
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))
  for (const node of all) {
    await run(node)
    await until(async () => (await roleOf(node)) !== undefined)
  }

  async function makeNode(name: string, tags: Readonly<Record<string, boolean>> = {}): Promise<Node> {
    const [api, port] = [await freePort(), await freePort()]
    const [config, disk] = [join(directory, `${name}.json`), join(folder, name)]
    makeFolder(disk)
    if (diskBytes !== undefined) {
      const owner = account === undefined ? '' : `,uid=${account.uid}`
      execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${diskBytes},mode=700${owner}`, 'tmpfs', disk])
      disks.push(disk)
    }
    const data = join(disk, 'data')
    const login = (username: string) => ({ username, password })
    const settings = {
      scope: 'rowpass',
      name,
      tags,
      restapi: { listen: `127.0.0.1:${api}`, connect_address: `127.0.0.1:${api}` },
      etcd3: { host: `127.0.0.1:${client}` },
      bootstrap: {
        dcs: {
          ttl: ttlSeconds,
          loop_wait: 2,
          retry_timeout: 5,
          synchronous_mode: true,
          postgresql: { use_pg_rewind: true, parameters: { fsync: 'off', ...parameters } },
        },
        initdb: ['data-checksums', { encoding: 'UTF8' }],
      },
      postgresql: {
        listen: `127.0.0.1:${port}`,
        connect_address: `127.0.0.1:${port}`,
        data_dir: data,
        bin_dir: debianPrograms,
        pgpass: join(folder, `${name}.pgpass`),
        parameters: { unix_socket_directories: '', password_encryption: 'scram-sha-256' },
        pg_hba: ['host replication replicator 127.0.0.1/32 scram-sha-256', 'host all all 127.0.0.1/32 scram-sha-256'],
        authentication: { superuser: login('postgres'), replication: login('replicator'), rewind: login('rewinder') },
      },
    }
    // YAML has JSON in it.
    writeFileSync(config, JSON.stringify(settings), { mode: 0o644 })
    const superuserUrl = `postgresql://postgres:${password}@127.0.0.1:${port}/postgres`
    return { name, api, port, config, data, superuserUrl, process: undefined }
  }

  async function start(name: string, command: readonly string[]): Promise<Guarded> {
    const log = openSync(join(directory, `${name}.log`), 'a')
    try {
      return await spawnGuarded(command, { account, output: log })
    } finally {
      closeSync(log)
    }
  }

  async function run(node: Node): Promise<void> {
    node.process = await start(node.name, ['/usr/bin/patroni', node.config])
  }

  async function nodeThat(has: (role: string) => boolean): Promise<Node> {
    for (;;) {
      for (const node of nodes) if (has((await roleOf(node)) ?? '')) return node
      await delay(100)
    }
  }

  async function lose(lost: Node): Promise<void> {
    kill(lost)
    await lost.process?.ended
    lost.process = undefined
  }

  function unmount(): void {
    for (const disk of disks.splice(0)) spawnSync('umount', ['--lazy', disk])
  }

  const primary = () => nodeThat((role) => role === 'master' || role === 'primary')
  const standby = () => nodeThat((role) => role === 'replica')
  return {
    ports: nodes.map(({ port }) => port),
    replica: third && {
      port: third.port,
      settled: () => until(async () => (await roleOf(third)) === 'replica'),
      lose: () => lose(third),
      restore: () => run(third),
      freeze: (frozen) => signal(processesOf(third), frozen ? 'SIGSTOP' : 'SIGCONT'),
      holdReplay(held) {
        const replaying = withDescendants(postmasterOf(third.data)).filter(isReplaying)
        signal(replaying, held ? 'SIGSTOP' : 'SIGCONT')
      },
    },
    primary,
    standby,
    settled: () =>
      until(async () => {
        const answer = await fetch(`http://127.0.0.1:${(await primary()).api}/cluster`).catch(() => undefined)
        const cluster = (await answer?.json().catch(() => undefined)) as { members?: { role: string }[] } | undefined
        return cluster?.members?.some(({ role }) => role === 'sync_standby') === true
      }),
    losePrimary: async () => lose(await primary()),
    loseStandby: async () => lose(await standby()),
    async restoreLost() {
      for (const node of nodes) {
        if (node.process === undefined) await run(node)
      }
    },
    async fillDisk() {
      const filler = join((await primary()).data, '..', 'filler')
      const file = openSync(filler, 'w')
      const block = Buffer.alloc(1024 * 1024)
      for (let written = block.length; written > 0; ) {
        try {
          written = writeSync(file, block)
        } catch (error) {
          if (!(error instanceof Error && 'code' in error && error.code === 'ENOSPC')) throw error
          written = 0
        }
      }
      closeSync(file)
      return () => rmSync(filler)
    },
    lastWords: () =>
      all
        .map(({ name }) => `${name}:\n${readFileSync(join(directory, `${name}.log`), 'utf8').slice(-2_000)}`)
        .join('\n'),
    async close() {
      for (const node of all) kill(node)
      kill({ process: etcd })
      await Promise.all([etcd, ...all.map(({ process: one }) => one)].map((one) => one?.ended))
      unmount()
      rmSync(directory, { recursive: true, force: true })
    },
  }
}

/** What the server says that it is: undefined where it does not run. */
async function roleOf({ api }: Node): Promise<string | undefined> {
  const answer = await fetch(`http://127.0.0.1:${api}/patroni`).catch(() => undefined)
  const { state, role } = ((await answer?.json().catch(() => undefined)) ?? {}) as { state?: string; role?: string }
  return state === 'running' || state === 'streaming' ? role : undefined
}

function kill(node: Partial<Node>): void {
  signal(processesOf(node), 'SIGKILL')
}

/** Patroni does not stay the parent of its PostgreSQL, of which a file in its folder tells. */
function processesOf({ process: guarded, data }: Partial<Node>): number[] {
  const server = data === undefined ? Number.NaN : postmasterOf(data)
  return [guarded?.pid ?? Number.NaN, server].flatMap(withDescendants)
}

function signal(pids: readonly number[], name: NodeJS.Signals): void {
  for (const pid of pids) {
    try {
      process.kill(pid, name)
    } catch {
      // It has ended meanwhile.
    }
  }
}

/** By the name that PostgreSQL gives its processes. */
function isReplaying(pid: number): boolean {
  try {
    return /\bstartup\b/.test(readFileSync(`/proc/${pid}/cmdline`, 'utf8'))
  } catch {
    return false
  }
}

function postmasterOf(data: string): number {
  try {
    return Number(readFileSync(join(data, 'postmaster.pid'), 'utf8').split('\n', 1)[0])
  } catch {
    return Number.NaN
  }
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  for (const deadline = Date.now() + 300_000; !(await condition()); await delay(200)) {
    if (Date.now() > deadline) throw new Error(`not within five minutes: ${condition}`)
  }
}
