/**
 * `npm run bench:doctor`: how long `rowpass doctor` takes on a database with a very large schema.
 *
 * npm run bench:doctor -- [--tables 2000] [--functions 300] [--views 200] [--rounds 5] [--fix]
 *
 * With `--fix` every table is granted whole, so that each has a fix to try.
 */
import { rmSync } from 'node:fs'
import { cpus, loadavg } from 'node:os'
import { parseArgs } from 'node:util'
import { startEmbeddedPostgres } from '../packages/local/src/postgres/embedded.ts'
import { readCatalog } from '../packages/rowpass/src/access/catalog/read.ts'
import { withConnection } from '../packages/rowpass/src/database/connect.ts'
import { createModel } from '../packages/rowpass/src/doctor/analysis/model.ts'
import { writeMigration } from '../packages/rowpass/src/doctor/migration.ts'
import { diagnose, runDoctor } from '../packages/rowpass/src/doctor/run.ts'
import { loadParser } from '../packages/rowpass/src/statement/parser.ts'
import { buildEstate, tableOf } from './doctor/estate.ts'
import { toTable } from './document.ts'
import { makeScratch } from './scratch.ts'
import { median } from './statistics.ts'

const { values } = parseArgs({
  options: {
    tables: { type: 'string', default: '2000' },
    functions: { type: 'string', default: '300' },
    views: { type: 'string', default: '200' },
    rounds: { type: 'string', default: '5' },
    fix: { type: 'boolean', default: false },
  },
})
const size = { tables: Number(values.tables), functions: Number(values.functions), views: Number(values.views) }

const directory = makeScratch()
const server = await startEmbeddedPostgres({ directory, durable: false })
try {
  await withConnection(server.superuserUrl, async (client) => {
    console.log(`building ${size.tables} tables, ${size.functions} functions, ${size.views} views …`)
    await client.query('set client_min_messages = warning; create role estate_user nologin')
    await buildEstate(client, 'estate_user', size)
    if (values.fix) {
      const numbers = Array.from({ length: size.tables }, (_, at) => `grant all on ${tableOf(at)} to estate_user`)
      await client.query(numbers.join(';'))
    }
    await client.query('vacuum (analyze) pg_catalog.pg_class, pg_catalog.pg_attribute, pg_catalog.pg_depend')
  })
  const parser = await loadParser()
  const steps = new Map<string, number[]>()
  const timed = async <T>(step: string, work: () => Promise<T> | T): Promise<T> => {
    const start = performance.now()
    const result = await work()
    steps.set(step, [...(steps.get(step) ?? []), performance.now() - start])
    return result
  }
  let findings = 0
  let fixes = 0
  for (let round = 0; round < Number(values.rounds); round++) {
    await withConnection(server.superuserUrl, async (client) => {
      const catalog = await timed('reading the catalogs', () => readCatalog(client))
      const model = await timed('parsing policies', () => createModel(catalog, parser))
      findings = (await timed('asking the rules', () => diagnose(model))).findings.length
    })
    await timed('all of it, connection and trials too', () => runDoctor({ databaseUrl: server.superuserUrl }))
    if (!values.fix) continue
    const tried = await timed('the same with --fix', () => runDoctor({ databaseUrl: server.superuserUrl, fixes: {} }))
    fixes = writeMigration(tried.findings).fixed.length
  }
  console.log(`PostgreSQL ${server.version}, Node ${process.version}, ${cpus().length} cores, load ${loadavg()[0]?.toFixed(1)}; ${findings} findings${values.fix ? `, ${fixes} fixes tried` : ''}.

${toTable(
  ['step', 'median, seconds', 'fastest'],
  [...steps].map(([step, times]) => [step, (median(times) / 1000).toFixed(2), (Math.min(...times) / 1000).toFixed(2)]),
)}`)
} finally {
  await server.stop()
  rmSync(directory, { recursive: true, force: true })
}
