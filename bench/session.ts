/**
 * `npm run bench:session`: what reading the session costs the backend, beside forms that were tried and left out.
 *
 * npm run bench:session -- [--rounds 15] [--ms 500]
 * CPU time tells forms apart that differ by 10 %, on a system that is otherwise idle; `npm run bench:instructions` counts
 * finer.
 */
import { parseArgs } from 'node:util'
import type { Identity, Work } from '../src/pg/flight.ts'
import { createPool, type Pool } from '../src/pg/pool.ts'
import { parseSealKeys } from '../src/seal/keys.ts'
import { startBenchDatabase } from './database.ts'
import { toTable } from './document.ts'
import { measure, type Subject } from './measure.ts'
import { readForms, type SessionForm } from './session-forms.ts'
import { identityOf, notesOfOne, people, schemaOf, setUpForms, statementOf } from './session-stage.ts'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '15' },
    ms: { type: 'string', default: '500' },
  },
})
const rounds = Number(values.rounds)
const durationMs = Number(values.ms)
const requestsAtOnce = 32

const database = await startBenchDatabase(people, notesOfOne)
try {
  const forms = await readForms(database.ownerUrl)
  await setUpForms(forms, database)
  const pool = await openPool(database.gatewayUrl)
  const subjects = forms.map((form, index) => toSubject(form, schemaOf(index), pool))
  const outcomes = await measure(subjects, rounds, database.postmasterPid())
  await pool.close()
  report(outcomes.map(({ name, backendMicros }) => [name, backendMicros]))
} finally {
  await database.close()
}

function toSubject(form: SessionForm, schema: string, pool: Pool): Subject {
  const [key] = parseSealKeys(database.sealKeys)
  const identities = Array.from({ length: people }, (_, person) =>
    form.hasIdentity ? identityOf(form, key, person) : undefined,
  )
  const sql = statementOf(schema)
  let turn = 0
  const ask = () => {
    const who = turn++ % people
    return run(pool, identities[who], sql, String(who * notesOfOne + (turn % notesOfOne) + 1))
  }
  return { name: form.name, pid: process.pid, run: () => load(ask) }
}

async function load(ask: () => Promise<void>): ReturnType<Subject['run']> {
  const start = performance.now()
  let requests = 0
  await Promise.all(
    Array.from({ length: requestsAtOnce }, async () => {
      for (; performance.now() - start < durationMs; requests++) await ask()
    }),
  )
  return { requests, perSecond: (requests * 1000) / (performance.now() - start), latenciesMs: new Float64Array() }
}

function run(pool: Pool, identity: Identity | undefined, sql: string, id: string): Promise<void> {
  const work: Work = {
    identity,
    statements: [{ sql, params: [id], prepare: true, shape: { arrayMode: true, rawText: true } }],
    begin: undefined,
    exclusive: false,
    reset: false,
  }
  return new Promise((resolve, reject) => {
    pool.run(work, 'bench', ({ error, sinks: [sink] }) =>
      error === undefined && sink?.rowCount === 1 ? resolve() : reject(new Error(`${sql}: ${JSON.stringify(error)}`)),
    )
  })
}

/** As the gateway has it: 4 connections, 8 requests deep. */
async function openPool(url: string): Promise<Pool> {
  const { username, password, pathname } = new URL(url)
  const pool = createPool({
    server: new URL(url),
    user: username,
    password,
    database: pathname.slice(1),
    applicationName: undefined,
    connectTimeoutMs: 5_000,
    statementTimeoutMs: 15_000,
    lockTimeoutMs: 5_000,
    maxResponseBytes: 10_000_000,
    maxPreparedStatements: 100,
    size: 4,
    maxPipelineDepth: 8,
    maxQueued: 1_000,
    queueTimeoutMs: 10_000,
    slowLimit: 2,
    requestTimeoutMs: 30_000,
  })
  while (pool.open < 4) await new Promise((resolve) => setTimeout(resolve, 10))
  return pool
}

function report(rows: [name: string, micros: number][]): void {
  const base = rows[0]?.[1] ?? Number.NaN
  const table = toTable(
    ['the policy reads the subject from', 'backend µs a request', 'more than the first'],
    rows.map(([name, micros]) => [name, micros.toFixed(1), (micros - base).toFixed(1)]),
  )
  console.log(`\n${table}\n\n${rounds} rounds, Node ${process.version}, PostgreSQL ${database.version}`)
}
