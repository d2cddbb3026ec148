/**
 * `npm run bench:fairness`: answers of three quiet tenants while others send statements without end, beside the same
 * without them, in turns. Takes some 45 s.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { withConnection } from '../packages/rowpass/src/database/connect.ts'
import type { Flight, Work } from '../packages/rowpass/src/postgres/flight.ts'
import type { Pool } from '../packages/rowpass/src/postgres/pool.ts'
import { startBenchDatabase } from './database.ts'
import { toTable } from './document.ts'
import { openPool } from './pool.ts'
import { percentile } from './statistics.ts'

const attackers = 6
const durationMs = 3_000
const counting = 'select count(*) from (select generate_series(1, $1::bigint)) g'
const database = await startBenchDatabase(1, 1)

function ask(pool: Pool, owner: string, sql: string, param: string): Promise<Flight> {
  const statement = { sql, params: [param], prepare: true, shape: { arrayMode: true, rawText: true } }
  const work: Work = {
    ...{ identity: undefined, statements: [statement], begin: undefined },
    ...{ exclusive: false, reset: false, readOnly: true },
  }
  return pool.run(work, { owner })
}

async function attack(pool: Pool, tenants: number, primed: boolean, index: number, until: number): Promise<void> {
  const owner = `attacker ${index % tenants}`
  for (let turn = 0; performance.now() < until; turn++) {
    const sql = `${counting} where ${index} + ${turn} >= 0`
    for (let cheap = 0; primed && cheap < 4; cheap++) await ask(pool, owner, sql, '1')
    await Promise.race([ask(pool, owner, sql, '100000000000'), delay(until - performance.now())])
  }
}

/** What three tenants got, one request after the other each. */
async function measure(
  tenants: number,
  primed: boolean,
): Promise<{ answered: number; sent: number; tookMs: number[] }> {
  const pool = await openPool(database.gatewayUrl, { maxQueued: 1_000, queueTimeoutMs: 5_000 })
  for (let turn = 0; turn < 200; turn++) await ask(pool, `victim ${turn % 3}`, 'select $1::int', '1')
  const until = performance.now() + durationMs
  const tookMs: number[] = []
  let answered = 0
  const victim = async (index: number): Promise<void> => {
    while (performance.now() < until) {
      const start = performance.now()
      const { error } = await ask(pool, `victim ${index}`, 'select $1::int', '1')
      tookMs.push(performance.now() - start)
      if (error === undefined) answered++
      await delay(2)
    }
  }
  const attacks = Array.from({ length: tenants === 0 ? 0 : attackers }, (_, index) =>
    attack(pool, tenants, primed, index, until),
  )
  await Promise.all([0, 1, 2].map(victim))
  await Promise.all(attacks)
  void pool.close()
  // What still runs would run on beside the next measurement.
  await withConnection(database.superuserUrl, (client) =>
    client.query("select pg_terminate_backend(pid, 5000) from pg_stat_activity where usename = 'rowpass_gateway'"),
  )
  return { answered, sent: tookMs.length, tookMs: tookMs.sort((a, b) => a - b) }
}

const rows: (string | number)[][] = []
for (const [tenants, primed] of [1, 2, 10].flatMap((n) => [[n, false] as const, [n, true] as const])) {
  const quiet = await measure(0, false)
  const under = await measure(tenants, primed)
  const [before, after] = [quiet, under].map(({ tookMs }) => percentile(tookMs, 99)) as [number, number]
  rows.push([
    `${tenants}${primed ? ', primed' : ''}`,
    `${under.answered} of ${under.sent}`,
    percentile(under.tookMs, 50),
    after,
    before,
    after / before,
  ])
}
const head = ['tenants of 6 attackers', 'answered', 'p50 ms', 'p99 ms', 'quiet p99 ms', '×']
console.log(toTable(head, rows))
await database.close()
process.exit(0)
