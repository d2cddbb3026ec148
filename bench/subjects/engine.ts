/**
 * The engine without HTTP, beside node-postgres: the same statement, closed load, in one process.
 */
import pg from 'pg'
import type { Flight, Identity, Work } from '../../src/pg/flight.ts'
import { createPool } from '../../src/pg/pool.ts'
import { parseSealKeys } from '../../src/seal/keys.ts'
import { sealSession } from '../../src/seal/seal.ts'
import { noteSql, type Scene } from '../scene.ts'
import { answerParent } from './serve.ts'

/** What can be measured at this level. */
export type EngineSubject = 'pg bare' | 'pg envelope' | 'engine' | 'engine bare'

/** The first message makes the scene, each further one is a run. */
export type EngineQuestion =
  | { readonly scene: Scene; readonly poolSize: number; readonly pipelineDepth: number }
  | { readonly subject: EngineSubject; readonly clients: number; readonly durationMs: number }

/** What a run came to. */
export interface EngineResult {
  readonly perSecond: number
  readonly requests: number
  readonly latenciesMs: Float64Array
}

/** Runs one request of a caller and rejects unless it found its one row. */
type Run = (turn: number) => Promise<void>

let subjects: Record<EngineSubject, Run> | undefined

answerParent(async (question: EngineQuestion): Promise<EngineResult | undefined> => {
  if ('scene' in question) {
    subjects = await createSubjects(question.scene, question.poolSize, question.pipelineDepth)
    return undefined
  }
  if (subjects === undefined) throw new Error('there is no scene yet')
  return measure(subjects[question.subject], question.clients, question.durationMs)
})

async function createSubjects(scene: Scene, size: number, depth: number): Promise<Record<EngineSubject, Run>> {
  const { callers, ownerUrl, webUrl, gatewayUrl, poolSize } = scene
  const [key] = parseSealKeys(scene.sealKeys)
  const exp = Math.floor(Date.now() / 1000) + 86_400
  const identities = callers.map(({ sub }): Identity => {
    const claimsJson = JSON.stringify({ iss: scene.issuer.iss, sub, exp })
    return { role: 'authenticated', session: sealSession(key, { role: 'authenticated', exp, claimsJson }) }
  })
  const noteOf = (turn: number) => {
    const who = turn % callers.length
    const ids = callers[who]?.noteIds ?? []
    return { who, params: [String(ids[turn % ids.length])] }
  }

  const bare = new pg.Pool({ connectionString: ownerUrl, max: poolSize })
  const web = new pg.Pool({ connectionString: webUrl, max: poolSize })
  const engine = createPool(engineOptions(gatewayUrl, size, depth))
  const limit = createPool(engineOptions(ownerUrl, size, depth))
  await Promise.all([opened(engine), opened(limit)])

  function onEngine(pool: typeof engine, identity: Identity | undefined, params: string[]): Promise<void> {
    const work: Work = {
      identity,
      statements: [{ sql: noteSql, params, prepare: true, shape: { arrayMode: true, rawText: true } }],
      begin: undefined,
      exclusive: false,
      reset: false,
    }
    return new Promise((resolve, reject) => {
      pool.run(work, 'bench', (flight) =>
        foundOne(flight) ? resolve() : reject(new Error(JSON.stringify(flight.error))),
      )
    })
  }

  return {
    async 'pg bare'(turn) {
      const { params } = noteOf(turn)
      const { rows } = await bare.query({ name: 'note', text: noteSql, values: params })
      if (rows.length !== 1) throw new Error('no row')
    },
    async 'pg envelope'(turn) {
      const { who, params } = noteOf(turn)
      const client = await web.connect()
      await client.query('begin')
      const text = `select set_config('role', $1, true), set_config('jwt.claims.sub', $2, true)`
      await client.query({ name: 'envelope', text, values: ['web_user', callers[who]?.sub] })
      const { rows } = await client.query({ name: 'note', text: noteSql, values: params })
      await client.query('commit')
      client.release()
      if (rows.length !== 1) throw new Error('no row')
    },
    engine(turn) {
      const { who, params } = noteOf(turn)
      return onEngine(engine, identities[who], params)
    },
    'engine bare': (turn) => onEngine(limit, undefined, noteOf(turn).params),
  }
}

function foundOne(flight: Flight): boolean {
  const [sink] = flight.sinks
  return (
    flight.error === undefined &&
    sink?.rowCount === 1 &&
    'finish' in sink &&
    !('fields' in sink) &&
    sink.finish().length > 0
  )
}

function engineOptions(url: string, size: number, maxPipelineDepth: number): Parameters<typeof createPool>[0] {
  const { username, password, pathname } = new URL(url)
  return {
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
    size,
    maxPipelineDepth,
    maxQueued: 100_000,
    queueTimeoutMs: 10_000,
    slowLimit: 2,
    requestTimeoutMs: 30_000,
  }
}

async function opened(pool: { readonly open: number }): Promise<void> {
  while (pool.open === 0) await new Promise((resolve) => setTimeout(resolve, 10))
}

async function measure(run: Run, clients: number, durationMs: number): Promise<EngineResult> {
  const latencies: number[] = []
  const start = performance.now()
  const end = start + durationMs
  let turn = 0
  async function client(): Promise<void> {
    for (let now = performance.now(); now < end; ) {
      await run(turn++)
      const after = performance.now()
      latencies.push(after - now)
      now = after
    }
  }
  await Promise.all(Array.from({ length: clients }, client))
  const seconds = (performance.now() - start) / 1_000
  return {
    perSecond: latencies.length / seconds,
    requests: latencies.length,
    latenciesMs: Float64Array.from(latencies).sort(),
  }
}
