/**
 * `npm run bench:session`: what reading the session costs the backend, beside forms that were tried and left out.
 *
 * npm run bench:session -- [--rounds 15] [--ms 500] [--only <RegExp of names>]
 * CPU time tells forms apart that differ by 10 %, on a system that is otherwise idle; `npm run bench:instructions` counts
 * finer.
 */
import { parseArgs } from 'node:util'
import type { GatewayIdentity } from '../packages/rowpass/src/postgres/flight.ts'
import type { Pool } from '../packages/rowpass/src/postgres/pool.ts'
import { parseSealKeys } from '../packages/rowpass/src/seal/keys.ts'
import { startBenchDatabase } from './database.ts'
import { toTable } from './document.ts'
import { measure, type Subject } from './measure.ts'
import { askOne, load, openPool } from './pool.ts'
import { readForms, type SessionForm } from './session-forms.ts'
import { identityOf, notesOfOne, people, schemaOf, setUpForms, statementOf } from './session-stage.ts'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '15' },
    ms: { type: 'string', default: '500' },
    only: { type: 'string', default: '' },
  },
})
const rounds = Number(values.rounds)
const durationMs = Number(values.ms)
const requestsAtOnce = 32

const database = await startBenchDatabase(people, notesOfOne)
try {
  const forms = (await readForms(database.ownerUrl)).filter(({ name }) => new RegExp(values.only).test(name))
  await setUpForms(forms, database)
  const pool = await openPool(database.gatewayUrl)
  const subjects = await Promise.all(forms.map((form, index) => toSubject(form, schemaOf(index), pool)))
  const outcomes = await measure(subjects, rounds, database.postmasterPid())
  await pool.close()
  report(outcomes.map(({ name, backendMicros }) => [name, backendMicros]))
} finally {
  await database.close()
}

async function toSubject(form: SessionForm, schema: string, pool: Pool): Promise<Subject> {
  const [key] = parseSealKeys(database.sealKeys)
  const identities = Array.from({ length: people }, (_, person) =>
    form.hasIdentity ? identityOf(form, key, person) : undefined,
  )
  if (form.remembered) for (const identity of identities) if (identity !== undefined) await admit(pool, identity)
  if (form.admits) {
    const admitNext = (turn: number) => admit(pool, identityOf(form, key, turn))
    return { name: form.name, pid: process.pid, run: () => load(admitNext, requestsAtOnce, durationMs) }
  }
  const sql = statementOf(schema)
  const shape = { arrayMode: true, rawText: true }
  const ask = (turn: number) => {
    const who = turn % people
    const params = [String(who * notesOfOne + ((turn + 1) % notesOfOne) + 1)]
    return askOne(pool, identities[who], { sql, params, prepare: true, shape })
  }
  return { name: form.name, pid: process.pid, run: () => load(ask, requestsAtOnce, durationMs) }
}

/** As the gateway does with a token that comes again. */
async function admit(pool: Pool, identity: GatewayIdentity): Promise<void> {
  const shape = { arrayMode: true, rawText: true }
  await askOne(pool, identity, { sql: 'select rowpass.admit_identity()', params: [], prepare: false, shape })
  identity.remembered = true
}

function report(rows: [name: string, micros: number][]): void {
  const base = rows[0]?.[1] ?? Number.NaN
  const table = toTable(
    ['the policy reads the subject from', 'backend µs a request', 'more than the first', '× the first'],
    rows.map(([name, micros]) => [name, micros.toFixed(1), (micros - base).toFixed(1), (micros / base).toFixed(2)]),
  )
  console.log(`\n${table}\n\n${rounds} rounds, Node ${process.version}, PostgreSQL ${database.version}`)
}
