/**
 * The world of a chaos run in which everything can go wrong that production knows: two servers that Patroni looks after and a
 * replica that follows them, each with a disk of its own; a gateway of two workers whose clock can be set, and one behind
 * pgbouncer. Both name all three servers as replicas, so that the one that is the primary is among them.
 *
 * An owner asks one of the gateways only. The one of two workers counts as one of several, which know of each other's writes
 * by `Rowpass-Seen` alone. The other one knows what it has written.
 */
import { createReadStream, existsSync, openSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { withConnection } from '../../packages/rowpass/src/database/connect.ts'
import { formatSealKeys, generateSealKey } from '../../packages/rowpass/src/seal/keys.ts'
import { pgbouncerProgram, startPgBouncer } from '../../packages/rowpass/test/support/pgbouncer.ts'
import { startCommand } from '../command.ts'
import { fillBenchDatabase } from '../database.ts'
import { type PatroniReplica, startPatroniPair } from '../patroni.ts'
import { pidsOf } from '../processes.ts'
import { makeScratch } from '../scratch.ts'
import { makeCallers, startIssuer } from '../stage.ts'
import { debianPrograms } from '../streaming.ts'
import { chaosSql } from './actions.ts'
import { type Disturbance, killBackends, loseKeySet, times } from './disturb.ts'
import { gatewaySettings, notesOfOne, owners, type World } from './world.ts'

const ttlSeconds = 20
const diskBytes = 768 * 1024 * 1024
const fullMs = 5_000
const standbyLostMs = 5_000
/** Longer than what a replica answers may be late. */
const replicaAwayMs = 7_000
const clockWrongMs = 6_000
/** Less of the log than a disk holds; and a replica shows by its next restart point that it has followed another primary. */
const parameters = { max_wal_size: '256MB', checkpoint_timeout: '30s' }
/** Longer than a gateway waits for it. */
const keySetDelayMs = 8_000
/** A request that is sent on a connection just before its end is told of it a moment later, as its process is gone. */
const lostWithinMs = 1_000
const faketime = '/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1'

/** Sets it up. @throws Error what has to be installed; it takes root */
export async function startPairWorld(): Promise<World> {
  const needed = [debianPrograms, '/usr/bin/patroni', '/usr/bin/etcd', pgbouncerProgram, faketime]
  if (!needed.every((path) => path !== undefined && existsSync(path)) || process.getuid?.() !== 0) {
    throw new Error('run it as root, after: apt-get install patroni etcd-server postgresql-15 pgbouncer libfaketime')
  }
  const closing: (() => unknown)[] = []
  const close = async (): Promise<void> => {
    for (const step of closing.reverse()) await step()
  }
  try {
    const directory = makeScratch('rowpass-chaos')
    closing.push(() => rmSync(directory, { recursive: true, force: true }))
    const pair = await startPatroniPair({ ttlSeconds, diskBytes, parameters, withReplica: true })
    closing.push(() => pair.close())
    const replica = pair.replica as PatroniReplica
    await pair.settled()
    const issuer = await startIssuer()
    closing.push(() => issuer.close())

    const keys = [generateSealKey('chaos')]
    const first = await pair.primary()
    const urls = await fillBenchDatabase(first.superuserUrl, keys, owners, notesOfOne)
    await withConnection(urls.ownerUrl, (client) => client.query(chaosSql))
    const { username, password, pathname } = new URL(urls.gatewayUrl)
    const replicaPorts = [...pair.ports, replica.port]
    const replicaUrls = replicaPorts.map((port) => `postgresql://${username}:${password}@127.0.0.1:${port}${pathname}`)
    const hosts = pair.ports.map((port) => `127.0.0.1:${port}`).join(',')
    const pgbouncer = await startPgBouncer({ name: pathname.slice(1), gatewayUrl: urls.gatewayUrl }, 8)
    closing.push(() => pgbouncer.close())

    const logs = [join(directory, 'direct.log'), join(directory, 'pooled.log')] as const
    const clock = join(directory, 'clock')
    const setClock = (offsetSeconds: number): void =>
      writeFileSync(clock, `${offsetSeconds < 0 ? '' : '+'}${offsetSeconds}`)
    setClock(0)
    const trusted = { iss: issuer.iss, jwks_url: issuer.jwksUrl, audience: 'rowpass', max_ttl_seconds: 86_400 }
    const common = {
      ROWPASS_SEAL_KEYS: formatSealKeys(keys),
      ROWPASS_ISSUERS: JSON.stringify([trusted]),
      ROWPASS_PRIVATE_JWKS: 'true',
      ROWPASS_IDENTITY_LIMIT: '100000',
      ROWPASS_REPLICA_URLS: replicaUrls.join(),
      ROWPASS_REPLICA_MAX_LAG_MS: '5000',
      ...gatewaySettings,
    }
    const direct = await startCommand(
      {
        ...common,
        ROWPASS_DATABASE_URL: `postgresql://${username}:${password}@${hosts}${pathname}?target_session_attrs=read-write`,
        LD_PRELOAD: faketime,
        FAKETIME_TIMESTAMP_FILE: clock,
        FAKETIME_CACHE_DURATION: '1',
        FAKETIME_DONT_FAKE_MONOTONIC: '1',
      },
      ['--workers', '2'],
      openSync(logs[0], 'w'),
    )
    closing.push(() => direct.stop())
    const pooled = await startCommand(
      { ...common, ROWPASS_DATABASE_URL: pgbouncer.gatewayUrl, ROWPASS_PREPARED_STATEMENTS: '0' },
      [],
      openSync(logs[1], 'w'),
    )
    closing.push(() => pooled.stop())

    const superuserUrl = async (): Promise<string> =>
      Object.assign(new URL((await pair.primary()).superuserUrl), { pathname }).href
    const callers = await makeCallers(issuer, owners, notesOfOne)
    const kills: { readonly from: number; until: number }[] = []
    /** What strikes one thing, one at a time, when it is well. */
    const inTurn = (settled: () => Promise<void>) => {
      let turn: Promise<void> = Promise.resolve()
      return (name: string, at: readonly number[], run: () => Promise<void>): Disturbance => ({
        name,
        at,
        run() {
          const done = turn.then(settled).then(run)
          turn = done.catch(() => {})
          return done
        },
      })
    }
    const [toPair, toReplica] = [inTurn(() => pair.settled()), inTurn(() => replica.settled())]
    const followPrimary = async (): Promise<void> => {
      await pgbouncer.restart(Number(new URL((await pair.primary()).superuserUrl).port))
    }

    return {
      doors: [
        { port: direct.port, callers: callers.slice(0, owners / 2) },
        { port: pooled.port, callers: callers.slice(owners / 2) },
      ],
      issuer,
      replicaPorts,
      pids: () => [...pidsOf(direct.pid), pooled.pid],
      superuserUrl,
      disturbances: (requests, onNewKey) => [
        killBackends(superuserUrl, requests),
        ...loseKeySet(issuer, onNewKey),
        {
          name: 'key set slow',
          at: times(requests, 1, 1),
          async run() {
            issuer.setDelay(keySetDelayMs)
            await delay(2 * keySetDelayMs)
            issuer.setDelay(0)
          },
        },
        {
          name: 'workers killed',
          at: times(requests, 15, 10),
          async run() {
            const [, ...workers] = pidsOf(direct.pid)
            const victim = workers[Math.floor(Math.random() * workers.length)]
            if (victim === undefined) return
            const kill = { from: performance.now(), until: Number.POSITIVE_INFINITY }
            kills.push(kill)
            process.kill(victim, 'SIGKILL')
            while (existsSync(`/proc/${victim}`)) await delay(20)
            kill.until = performance.now() + lostWithinMs
          },
        },
        {
          name: "the gateway's clock 60 s ahead, and then 60 s behind",
          at: times(requests, 1, 1),
          async run() {
            for (const offset of [60, -60]) {
              setClock(offset)
              await delay(clockWrongMs)
            }
            setClock(0)
          },
        },
        toPair('pgbouncer killed and started', times(requests, 4, 4), () => pgbouncer.restart()),
        toPair('primary lost, the standby takes its place', times(requests, 0.8, 2), async () => {
          await pair.losePrimary()
          await followPrimary()
          await pair.restoreLost()
        }),
        toPair('standby lost and back', times(requests, 0.7, 1), async () => {
          await pair.loseStandby()
          await delay(standbyLostMs)
          await pair.restoreLost()
        }),
        toPair("the primary's disk full", times(requests, 0.5, 1), async () => {
          // Asked for before: without room for its log the server may be gone at once.
          const url = await superuserUrl()
          const empty = await pair.fillDisk()
          await growUntilRefused(url)
          await delay(fullMs)
          empty()
          await pair.settled()
          await followPrimary()
        }),
        toReplica('replica killed and back', times(requests, 4, 4), async () => {
          await replica.lose()
          await delay(replicaAwayMs)
          await replica.restore()
        }),
        toReplica('replica frozen', times(requests, 4, 4), async () => {
          replica.freeze(true)
          await delay(replicaAwayMs)
          replica.freeze(false)
        }),
        toReplica('replica late, as its replay is held', times(requests, 4, 4), async () => {
          replica.holdReplay(true)
          await delay(replicaAwayMs)
          replica.holdReplay(false)
        }),
      ],
      mayBeLost: (startedAt, endedAt) => kills.some(({ from, until }) => startedAt < until && from < endedAt),
      ownFaults: async () => (await Promise.all(logs.map(causesOf))).flat(),
      close,
    }
  } catch (error) {
    await close()
    throw error
  }
}

/** A server whose disk is full goes on as long as what it writes has room in files that it has. */
async function growUntilRefused(url: string): Promise<void> {
  try {
    await withConnection(url, async (client) => {
      await client.query('create table if not exists public.ballast (text text); truncate public.ballast')
      for (;;) await client.query("insert into public.ballast select repeat('x', 1000) from generate_series(1, 10000)")
    })
  } catch (error) {
    const { code, message } = error as Error & { code?: string }
    console.error(`PostgreSQL says: ${message} (${code})`)
  }
}

/** Why requests were told that something failed inside, each cause with how often. */
async function causesOf(log: string): Promise<string[]> {
  const causes = new Map<string, number>()
  for await (const line of createInterface({ input: createReadStream(log) })) {
    if (!line.includes('"outcome":"internal"')) continue
    const { cause } = JSON.parse(line) as { cause: string }
    causes.set(cause, (causes.get(cause) ?? 0) + 1)
  }
  return [...causes].map(([cause, times]) => `${times} times: ${cause}`)
}
