/**
 * `npm run bench:policy-size`: what a policy costs by the size of its table, in CPU time of the backend: all rows that an
 * identity may see, which are ten, out of 1,000 to 1,000,000. Beside the demo's policy is the one that it had first.
 *
 * npm run bench:policy-size -- [--rounds 3] [--most 1000000] [--write]
 */
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { createAdmissions } from '../packages/rowpass/src/gateway/admission.ts'
import type { GatewayIdentity } from '../packages/rowpass/src/postgres/flight.ts'
import type { Pool } from '../packages/rowpass/src/postgres/pool.ts'
import { parseSealKeys } from '../packages/rowpass/src/seal/keys.ts'
import { sealSession } from '../packages/rowpass/src/seal/seal.ts'
import { startBenchDatabase } from './database.ts'
import { replaceSection, toTable } from './document.ts'
import { fillPeopleTables, makePeopleTables, personOf } from './people.ts'
import { drawLines, toMarkup, writePicture } from './picture.ts'
import { openPool } from './pool.ts'
import { childrenCpuMs, elapsedCpuMs } from './processes.ts'
import { peopleTables } from './scene.ts'
import { median } from './statistics.ts'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    most: { type: 'string', default: '1000000' },
    write: { type: 'boolean', default: false },
  },
})
const rounds = Number(values.rounds)
const sizes = [1_000, 10_000, 100_000, 1_000_000].filter((size) => size <= Number(values.most))
/** Rows that the policy which is computed for each of them sees in one round, about. */
const rowsOfRound = 50_000
const policies = { demo: 'the demo’s policy', first: 'the demo’s first policy, computed for each row' } as const

const database = await startBenchDatabase(1, 1)
const pool = await openPool(database.gatewayUrl, { size: 1, statementTimeoutMs: 60_000, requestTimeoutMs: 60_000 })
const shape = { arrayMode: true, rawText: true }
const [key] = parseSealKeys(database.sealKeys)

const costs: Record<keyof typeof policies, number[]> = { demo: [], first: [] }

const admit = createAdmissions(pool)
const identity = administrator()

/** An administrator of the first tenant, who sees all ten rows of it. */
function administrator(): GatewayIdentity {
  const exp = Math.floor(Date.now() / 1000) + 86_400
  const { id, tenantId } = personOf(0)
  const claimsJson = JSON.stringify({ iss: 'http://127.0.0.1:8787', sub: id, exp, tenant_id: tenantId, role: 'admin' })
  return { role: 'authenticated', session: sealSession(key, { role: 'authenticated', exp, claimsJson }) }
}

/** Microseconds of the backend for each of so many requests. */
async function costOf(on: Pool, table: string, requests: number): Promise<number> {
  const sql = `select id, name, email, role from ${table}`
  const statements = [{ sql, params: [], prepare: true, shape }]
  const work = { identity, statements, begin: undefined, exclusive: false, reset: false, readOnly: true }
  const before = childrenCpuMs(database.postmasterPid())
  for (let count = 0; count < requests; count++) {
    const flight = await on.run(work, { owner: 'bench' })
    const { error, sinks } = flight
    admit(identity, 'bench', flight)
    if (error !== undefined || sinks[0]?.rowCount !== 10) throw new Error(`${sql}: ${JSON.stringify(error)}`)
  }
  return (elapsedCpuMs(before, childrenCpuMs(database.postmasterPid())) * 1_000) / requests
}

try {
  await makePeopleTables(database)
  for (const size of sizes) {
    await fillPeopleTables(database, size)
    const requestsOf = { demo: 500, first: Math.ceil(rowsOfRound / size) }
    for (const policy of ['demo', 'first'] as const) {
      const measured: number[] = []
      await costOf(pool, peopleTables[policy], policy === 'demo' ? 100 : 1)
      for (let round = 0; round < rounds; round++) {
        measured.push(await costOf(pool, peopleTables[policy], requestsOf[policy]))
      }
      costs[policy].push(median(measured))
      console.error(`${size} rows, ${policies[policy]}: ${median(measured).toFixed(0)} µs`)
    }
  }
  const table = toTable(
    ['rows in the table', ...Object.values(policies).map((name) => `${name}, µs`)],
    sizes.map((size, index) => [size.toLocaleString('en-GB'), costs.demo[index] ?? 0, costs.first[index] ?? 0]),
  )
  const today = new Date().toISOString().slice(0, 10)
  const said = `npm run bench:policy-size -- ${process.argv.slice(2).join(' ')}`.trim()
  const lines = `${table}\n\nMeasured ${today} with \`${said}\`: Node ${process.version}, PostgreSQL ${database.version}.`
  console.log(`\n${lines}`)
  if (values.write) {
    const at = (path: string) => fileURLToPath(new URL(`../${path}`, import.meta.url))
    const alt = 'CPU of the backend by the number of rows in the table: the demo’s policy, and one computed row by row'
    const name = 'policy-size'
    writePicture(name, alt, (colours) => [
      drawLines(colours, {
        ...{ title: 'A policy by the size of its table, µs of CPU', across: 'rows in the table', places: sizes },
        logarithmic: true,
        lines: [
          { name: 'Rowpass', numbers: costs.demo },
          { name: 'for each row', numbers: costs.first },
        ],
      }),
    ])
    replaceSection(at('docs/performance.md'), 'bench:policy-size', `${toMarkup(name, alt, 'pictures')}\n\n${lines}`)
  }
} finally {
  await pool.close()
  await database.close()
}
