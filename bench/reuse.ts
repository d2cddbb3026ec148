/**
 * `npm run bench:reuse`: what it costs to use a prepared statement with a parameter again, with the check that the schema is
 * what it was, beside parsing it for each request, as a gateway does where nothing counts the changes of the schema.
 *
 * npm run bench:reuse -- [--rounds 9] [--ms 500] [--write]
 */
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import type { GatewayIdentity, Statement } from '../packages/rowpass/src/postgres/flight.ts'
import { parseSealKeys } from '../packages/rowpass/src/seal/keys.ts'
import { sealSession } from '../packages/rowpass/src/seal/seal.ts'
import { startBenchDatabase } from './database.ts'
import { replaceSection, toTable } from './document.ts'
import { measure, type Subject } from './measure.ts'
import { askOne, load, openPool } from './pool.ts'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '9' },
    ms: { type: 'string', default: '500' },
    write: { type: 'boolean', default: false },
  },
})
const rounds = Number(values.rounds)
const durationMs = Number(values.ms)
const [people, notesOfOne, requestsAtOnce] = [100, 100, 32]
const shape = { arrayMode: true, rawText: true }

/** One row by its key, and a statement that takes long to plan. */
const texts = {
  'one row by its key': (id: string) => `select id, owner_id, body from notes where id = ${id}`,
  'five tables joined': (id: string) =>
    `select a.id, count(*) from notes a join notes b using (id) join notes c using (id) join notes d using (id)
       join notes e using (id) where a.id = ${id} and b.body like 'a%' is not null group by a.id order by 2, 1`,
}

/** How a statement is sent; the first is what it cost before its types were checked. */
const ways: Readonly<Record<string, (text: (id: string) => string, id: string) => Statement>> = {
  'kept, without a parameter to check': (text) => ({ sql: text('1'), params: [], prepare: true, shape }),
  'kept and checked': (text, id) => ({ sql: text('$1'), params: [id], prepare: true, shape }),
  'parsed for each request': (text, id) => ({ sql: text('$1'), params: [id], prepare: false, shape }),
}

const database = await startBenchDatabase(people, notesOfOne)
try {
  const [key] = parseSealKeys(database.sealKeys)
  const exp = Math.floor(Date.now() / 1000) + 86_400
  const claimsJson = JSON.stringify({ iss: 'http://127.0.0.1:8787', sub: 'user-1', exp })
  const identity: GatewayIdentity = {
    role: 'authenticated',
    session: sealSession(key, { role: 'authenticated', exp, claimsJson }),
  }
  const pool = await openPool(database.gatewayUrl)
  const subjects: Subject[] = Object.entries(texts).flatMap(([name, text]) =>
    Object.entries(ways).map(([way, toStatement]) => ({
      name: `${name}: ${way}`,
      pid: process.pid,
      run: () =>
        load(
          (turn) => askOne(pool, identity, toStatement(text, String((turn % notesOfOne) + 1))),
          requestsAtOnce,
          durationMs,
        ),
    })),
  )
  const outcomes = await measure(subjects, rounds, database.postmasterPid())
  await pool.close()
  const table = toTable(
    ['', 'requests/s', 'backend µs', '× the first'],
    outcomes.map(({ name, perSecond, backendMicros }, index) => {
      const base = outcomes[index - (index % Object.keys(ways).length)]?.backendMicros ?? Number.NaN
      return [name, perSecond, backendMicros, backendMicros / base]
    }),
  )
  const today = new Date().toISOString().slice(0, 10)
  const said = `npm run bench:reuse -- ${process.argv.slice(2).join(' ')}`.trim()
  const lines = `${table}\n\nMeasured ${today} with \`${said}\`: Node ${process.version}, PostgreSQL ${database.version}.`
  console.log(`\n${lines}`)
  if (values.write)
    replaceSection(fileURLToPath(new URL('../docs/performance.md', import.meta.url)), 'bench:reuse', lines)
} finally {
  await database.close()
}
