/**
 * The world of a chaos run in which everything can go wrong that production knows: two servers that Patroni looks after, each
 * with a disk of its own; a gateway of two workers whose clock can be set, and one behind pgbouncer.
 */
import { existsSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { withConnection } from '../../packages/rowpass/src/database/connect.ts'
import { formatSealKeys, generateSealKey } from '../../packages/rowpass/src/seal/keys.ts'
import { pgbouncerProgram, startPgBouncer } from '../../packages/rowpass/test/support/pgbouncer.ts'
import { startCommand } from '../command.ts'
import { fillBenchDatabase } from '../database.ts'
import { startPatroniPair } from '../patroni.ts'
import { pidsOf } from '../processes.ts'
import { makeScratch } from '../scratch.ts'
import { makeCallers, startIssuer } from '../stage.ts'
import { debianPrograms } from '../streaming.ts'
import { chaosSql } from './actions.ts'
import { type Disturbance, evenly, killBackends, loseKeySet } from './disturb.ts'
import { gatewaySettings, notesOfOne, owners, type World } from './world.ts'

const ttlSeconds = 20
const diskBytes = 768 * 1024 * 1024
const fullMs = 5_000
const standbyLostMs = 5_000
/** Longer than a gateway waits for it. */
const keySetDelayMs = 8_000
/** A request that is sent on a connection just before its end is told of it a moment later. */
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
    const pair = await startPatroniPair(ttlSeconds, diskBytes)
    closing.push(() => pair.close())
    await pair.settled()
    const issuer = await startIssuer()
    closing.push(() => issuer.close())

    const keys = [generateSealKey('chaos')]
    const first = await pair.primary()
    const urls = await fillBenchDatabase(first.superuserUrl, keys, owners, notesOfOne)
    await withConnection(urls.ownerUrl, (client) => client.query(chaosSql))
    const { username, password, pathname } = new URL(urls.gatewayUrl)
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
      ROWPASS_GATEWAYS: '4',
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
    const killedAt: number[] = []
    let turn: Promise<void> = Promise.resolve()
    /** Of what strikes the pair, one at a time, when both servers are well. */
    const inTurn = (name: string, at: readonly number[], run: () => Promise<void>): Disturbance => ({
      name,
      at,
      run() {
        turn = turn.then(() => pair.settled()).then(run)
        return turn
      },
    })
    const followPrimary = async (): Promise<void> => {
      await pgbouncer.restart(Number(new URL((await pair.primary()).superuserUrl).port))
    }

    return {
      callers: await makeCallers(issuer, owners, notesOfOne),
      issuer,
      ports: [direct.port, pooled.port],
      pids: () => [...pidsOf(direct.pid), pooled.pid],
      superuserUrl,
      disturbances: (requests, onNewKey) => [
        killBackends(superuserUrl, requests),
        ...loseKeySet(issuer, onNewKey),
        {
          name: 'key set slow',
          at: [0.06],
          async run() {
            issuer.setDelay(keySetDelayMs)
            await delay(2 * keySetDelayMs)
            issuer.setDelay(0)
          },
        },
        {
          name: 'workers killed',
          at: evenly(20),
          async run() {
            const [, ...workers] = pidsOf(direct.pid)
            const victim = workers[Math.floor(Math.random() * workers.length)]
            if (victim === undefined) return
            killedAt.push(performance.now())
            process.kill(victim, 'SIGKILL')
          },
        },
        inTurn('pgbouncer killed and started', [0.04, 0.24, 0.44, 0.64, 0.84], () => pgbouncer.restart()),
        { name: "the gateway's clock 60 s ahead", at: [0.3], run: async () => setClock(60) },
        { name: 'and 60 s behind', at: [0.5], run: async () => setClock(-60) },
        { name: 'and right again', at: [0.7], run: async () => setClock(0) },
        inTurn('primary lost, the standby takes its place', [0.15, 0.75], async () => {
          await pair.losePrimary()
          await followPrimary()
          await pair.restoreLost()
        }),
        inTurn('standby lost and back', [0.35], async () => {
          await pair.loseStandby()
          await delay(standbyLostMs)
          await pair.restoreLost()
        }),
        inTurn("the primary's disk full", [0.55], async () => {
          const empty = await pair.fillDisk()
          await growUntilRefused(await superuserUrl())
          await delay(fullMs)
          empty()
          await pair.settled()
          await followPrimary()
        }),
      ],
      mayBeLost: (startedAt, endedAt) => killedAt.some((at) => startedAt < at + lostWithinMs && at < endedAt),
      ownFaults: () => logs.flatMap((log) => causesOf(readFileSync(log, 'utf8'))),
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
      await client.query('create table if not exists public.ballast (text text)')
      for (;;) await client.query("insert into public.ballast select repeat('x', 1000) from generate_series(1, 10000)")
    })
  } catch (error) {
    const { code, message } = error as Error & { code?: string }
    console.error(`PostgreSQL says: ${message} (${code})`)
  }
}

/** Why requests were told that something failed inside, each cause with how often. */
function causesOf(log: string): string[] {
  const causes = new Map<string, number>()
  for (const line of log.split('\n')) {
    if (!line.includes('"outcome":"internal"')) continue
    const { cause } = JSON.parse(line) as { cause: string }
    causes.set(cause, (causes.get(cause) ?? 0) + 1)
  }
  return [...causes].map(([cause, times]) => `${times} times: ${cause}`)
}
