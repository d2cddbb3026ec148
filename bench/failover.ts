/**
 * `npm run failover`: how long a gateway is without a primary. Two PostgreSQL servers that Patroni looks after, with etcd, all
 * of Debian's packages, and a gateway that writes to them without a break. Again and again the primary goes, with its
 * Patroni, as if its machine had lost its power; the other one takes its place, and the first comes back as its standby.
 *
 * Prints a table; exits 1 when a write that was acknowledged is lost, when one that was refused is there, or one is there
 * twice. Needs `patroni`, `etcd-server` and `postgresql-15`.
 *
 * npm run failover -- [--times 5] [--clients 8] [--ttl 20] [--write]
 */
import { existsSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { withConnection } from '../packages/rowpass/src/database/connect.ts'
import { parseGatewayConfig } from '../packages/rowpass/src/gateway/config.ts'
import { createGateway } from '../packages/rowpass/src/gateway/server.ts'
import { formatSealKeys, generateSealKey } from '../packages/rowpass/src/seal/keys.ts'
import { fillBenchDatabase } from './database.ts'
import { replaceSection, toTable } from './document.ts'
import { type Faults, findFaults, marksSql } from './marks.ts'
import { type PatroniPair, startPatroniPair } from './patroni.ts'
import { startIssuer } from './stage.ts'
import { median } from './statistics.ts'
import { debianPrograms } from './streaming.ts'

const { values } = parseArgs({
  options: {
    times: { type: 'string', default: '5' },
    clients: { type: 'string', default: '8' },
    ttl: { type: 'string', default: '20' },
    write: { type: 'boolean', default: false },
  },
})
const [times, clients, ttlSeconds] = [Number(values.times), Number(values.clients), Number(values.ttl)]
if (debianPrograms === undefined || !existsSync('/usr/bin/patroni') || !existsSync('/usr/bin/etcd')) {
  throw new Error('install what is missing: apt-get install patroni etcd-server postgresql-15')
}

/** Writes, and what became of them. */
interface Writing {
  readonly acknowledged: Set<string>
  /** Answered with an error that says that nothing was done. */
  readonly refused: Set<string>
  unknown: number
  /** When the last one was acknowledged. */
  lastAt: number
  stop(): Promise<void>
}

const pair = await startPatroniPair({ ttlSeconds })
const issuer = await startIssuer()
try {
  const keys = [generateSealKey('failover')]
  const urls = await fillBenchDatabase((await pair.primary()).superuserUrl, keys, 1, 1)
  await withConnection(urls.ownerUrl, (client) => client.query(marksSql))
  const { username, password, pathname } = new URL(urls.gatewayUrl)
  const hosts = pair.ports.map((port) => `127.0.0.1:${port}`).join(',')
  const config = parseGatewayConfig({
    ROWPASS_DATABASE_URL: `postgresql://${username}:${password}@${hosts}${pathname}?target_session_attrs=read-write`,
    ROWPASS_SEAL_KEYS: formatSealKeys(keys),
    ROWPASS_ISSUERS: JSON.stringify([
      { iss: issuer.iss, jwks_url: issuer.jwksUrl, audience: 'rowpass', max_ttl_seconds: 86_400 },
    ]),
    ROWPASS_PORT: '0',
    ROWPASS_PRIVATE_JWKS: 'true',
  })
  const gateway = createGateway(config)
  const url = (await gateway.listen()).href
  await until(() => gateway.ready())
  const writing = startWriting(url, await issuer.token('ada'))
  const gaps: Gap[] = []
  for (let time = 1; time <= times; time++) {
    await pair.settled()
    const before = writing.acknowledged.size
    await until(() => writing.acknowledged.size > before + 200)
    gaps.push(await loseOne(pair, writing))
    console.error(`${time} of ${times}: ${JSON.stringify(gaps.at(-1))}`)
    await pair.restoreLost()
  }
  await writing.stop()
  const { superuserUrl } = await pair.primary()
  const faults = await findFaults(Object.assign(new URL(superuserUrl), { pathname }).href, writing)
  await gateway.close()
  const report = describe(gaps, writing, faults)
  console.log(report)
  if (values.write) {
    replaceSection(fileURLToPath(new URL('../docs/production.md', import.meta.url)), 'failover', report)
  }
  process.exitCode = faults.lost + faults.twice + faults.undead === 0 ? 0 : 1
} catch (error) {
  console.error(pair.lastWords())
  throw error
} finally {
  await issuer.close()
  await pair.close()
}

/** Seconds from the loss of a primary. */
interface Gap {
  /** Until the other server took writes. */
  readonly promoted: number
  /** Until the gateway had acknowledged the next write. */
  readonly written: number
}

async function loseOne(servers: PatroniPair, writing: Writing): Promise<Gap> {
  const standby = await servers.standby()
  const at = performance.now()
  await servers.losePrimary()
  await until(async () => !(await isInRecovery(standby.superuserUrl)))
  const promotedAt = performance.now()
  await until(() => writing.lastAt > promotedAt - 100)
  return { promoted: (promotedAt - at) / 1_000, written: (writing.lastAt - at) / 1_000 }
}

async function isInRecovery(url: string): Promise<boolean> {
  return withConnection(
    url,
    async (client) => (await client.query('select pg_is_in_recovery() as yes')).rows[0].yes,
  ).catch(() => true)
}

function startWriting(url: string, token: string): Writing {
  let going = true
  const writing: Omit<Writing, 'stop'> = { acknowledged: new Set(), refused: new Set(), unknown: 0, lastAt: 0 }
  async function client(name: number): Promise<void> {
    for (let count = 0; going; count++) {
      const mark = `${name}/${count}`
      const { ok, code } = await write(mark)
      if (ok) {
        writing.acknowledged.add(mark)
        writing.lastAt = performance.now()
      } else if (code === '08007') writing.unknown++
      else writing.refused.add(mark)
    }
  }
  async function write(mark: string): Promise<{ ok: boolean; code?: string }> {
    try {
      const answer = await fetch(url, {
        method: 'POST',
        headers: {
          authorization: `Bearer ${token}`,
          'neon-connection-string': 'postgresql://authenticated@db.example.test/rowpass',
        },
        body: JSON.stringify({ query: 'insert into marks (mark) values ($1)', params: [mark] }),
      })
      return { ok: answer.ok, ...((await answer.json()) as { code?: string }) }
    } catch {
      // A client whose own connection breaks knows no more than one that is told so.
      return { ok: false, code: '08007' }
    }
  }
  const done = Promise.all(Array.from({ length: clients }, (_, name) => client(name)))
  return Object.assign(writing, {
    async stop() {
      going = false
      await done
    },
  })
}

function describe(gaps: readonly Gap[], { acknowledged, refused, unknown }: Writing, faults: Faults): string {
  const row = (name: string, seconds: readonly number[]) => [name, median(seconds), Math.max(...seconds)]
  const table = toTable(
    ['seconds from the loss of the primary', 'median', 'longest'],
    [
      row(
        'until Patroni has the other server take writes',
        gaps.map(({ promoted }) => promoted),
      ),
      row(
        'until the gateway has acknowledged the next write',
        gaps.map(({ written }) => written),
      ),
    ],
  )
  const day = new Date().toISOString().slice(0, 10)
  return [
    table,
    '',
    `${gaps.length} times, ${acknowledged.size} writes acknowledged: ${faults.lost} lost, ${faults.twice} there twice.`,
    `${unknown} had an outcome that was unknown (08007), of which ${faults.kept} were there; ${refused.size} were refused, of which ${faults.undead} were there.`,
    '',
    `Measured ${day} with \`npm run failover -- --times ${times} --ttl ${ttlSeconds}\`: Node ${process.version}, PostgreSQL 15 and Patroni of Debian, with other work on the machine.`,
  ].join('\n')
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  for (const deadline = performance.now() + 300_000; !(await condition()); await delay(20)) {
    if (performance.now() > deadline) throw new Error(`not within five minutes: ${condition}`)
  }
}
