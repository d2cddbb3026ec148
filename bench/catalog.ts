/**
 * `npm run bench:catalog`: how long a gateway reads the catalogs of a large database, at its start and when nothing or one
 * function has changed since, what CPU time that takes, and for how long it keeps its thread from answering.
 *
 * npm run bench:catalog -- [--functions 50000] [--tables 20000] [--rounds 5] [--write]
 */
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { withConnection } from '../packages/rowpass/src/database/connect.ts'
import { countChangesSql } from '../packages/rowpass/src/database/schema-changes.ts'
import { type KnownCatalog, readCatalog } from '../packages/rowpass/src/gateway/catalog-reading.ts'
import { parseSealKeys } from '../packages/rowpass/src/seal/keys.ts'
import { startBenchDatabase } from './database.ts'
import { replaceSection, toTable } from './document.ts'
import { endedChildrenCpuMs } from './processes.ts'
import { median } from './statistics.ts'

const { values } = parseArgs({
  options: {
    functions: { type: 'string', default: '50000' },
    tables: { type: 'string', default: '20000' },
    rounds: { type: 'string', default: '5' },
    write: { type: 'boolean', default: false },
  },
})
const [functions, tables, rounds] = [Number(values.functions), Number(values.tables), Number(values.rounds)]
/** In fifty schemas. A body of some 600 characters; each fifth takes a row of a table. */
const schemas = 50
const inOneTransaction = 1_000
/** The server counts what a backend has used once it has ended. */
const backendEndMs = 200

const database = await startBenchDatabase(1, 1, false)
try {
  await fill()
  const [sealKey] = parseSealKeys(database.sealKeys)
  const expected = { sealKey, roles: ['authenticated'] }
  const settings = {
    databaseUrl: new URL(database.gatewayUrl),
    connectTimeoutMs: 5_000,
    poolSize: 4,
    gateways: 1,
    workers: 1,
  }
  const read = (before?: KnownCatalog) => readCatalog(settings, { expected, before })
  const rows: [string, ...number[]][] = []
  const postmaster = database.postmasterPid()

  /** Medians of the milliseconds that a reading takes, of CPU time, and of the longest that the thread was busy. */
  async function time(name: string, prepare: () => Promise<KnownCatalog | undefined>): Promise<void> {
    const samples: number[][] = []
    for (let round = 0; round <= rounds; round++) {
      const before = await prepare()
      await delay(backendEndMs)
      const busy = monitorEventLoopDelay({ resolution: 1 })
      const backends = endedChildrenCpuMs(postmaster)
      const cpu = process.cpuUsage()
      busy.enable()
      const start = performance.now()
      await read(before)
      const tookMs = performance.now() - start
      busy.disable()
      const { user, system } = process.cpuUsage(cpu)
      await delay(backendEndMs)
      const sample = [tookMs, endedChildrenCpuMs(postmaster) - backends, (user + system) / 1e3, busy.max / 1e6]
      if (round > 0) samples.push(sample)
    }
    rows.push([name, ...[0, 1, 2, 3].map((column) => median(samples.map((sample) => sample[column] ?? Number.NaN)))])
  }

  let turn = 0
  const change = () =>
    withConnection(database.ownerUrl, (client) =>
      client.query(`create or replace function schema_1.changed() returns int language sql return ${turn++}`),
    )
  await time('all of it', async () => undefined)
  await time('nothing has changed, by a digest', () => read())
  await withConnection(database.superuserUrl, (client) => client.query(countChangesSql))
  await time('nothing has changed, by the count of changes', () => read())
  await time('a function has changed', async () => {
    const before = await read()
    await change()
    return before
  })
  const table = toTable(['reading', 'ms', 'CPU of backends, ms', 'CPU of Node, ms', 'longest on the thread, ms'], rows)
  const today = new Date().toISOString().slice(0, 10)
  const size = `${functions.toLocaleString('en-GB')} functions, ${tables.toLocaleString('en-GB')} tables`
  const said = `npm run bench:catalog -- ${process.argv.slice(2).join(' ')}`.trim()
  const lines = `${table}\n\n${size}. Measured ${today} with \`${said}\`: Node ${process.version}, PostgreSQL ${database.version}.`
  console.log(`\n${lines}`)
  if (values.write)
    replaceSection(fileURLToPath(new URL('../docs/performance.md', import.meta.url)), 'bench:catalog', lines)
} finally {
  await database.close()
}

async function fill(): Promise<void> {
  await withConnection(database.ownerUrl, async (client) => {
    await client.query(
      `do $$ begin for i in 0..${schemas - 1} loop execute format('create schema schema_%s', i); end loop; end $$`,
    )
    for (let from = 1; from <= tables; from += inOneTransaction) {
      const to = Math.min(from + inOneTransaction - 1, tables)
      await client.query(`do $$ begin for i in ${from}..${to} loop
        execute format('create table schema_%s.table_%s (id int, name text)', i % ${schemas}, i); end loop; end $$`)
    }
    // Checking compiles each body, and the session keeps it.
    await client.query('set check_function_bodies = off')
    const body = `select coalesce(max(price), 0) into total from orders o where o.customer_id = customer and o.state = 1; `
    for (let from = 1; from <= functions; from += inOneTransaction) {
      const to = Math.min(from + inOneTransaction - 1, functions)
      await client.query(`do $$ begin for i in ${from}..${to} loop
        if i % 5 = 0 then
          execute format('create function schema_%s.function_%s (of_row schema_%s.table_%s) returns int language sql stable as %L',
            i % ${schemas}, i, (1 + i % ${tables}) % ${schemas}, 1 + i % ${tables}, 'select ' || i);
        else
          execute format('create function schema_%s.function_%s (a int, b text) returns int language plpgsql %s as %L',
            i % ${schemas}, i, (array['stable', 'volatile', 'immutable'])[i % 3 + 1],
            'declare total int; begin ' || repeat('${body}', 5) || ' return total; end');
        end if; end loop; end $$`)
    }
  })
  await withConnection(database.superuserUrl, (client) => client.query('vacuum (analyze) pg_proc, pg_type, pg_depend'))
}
