/**
 * The engine without HTTP: a pool as the gateway has it, requests of one row, closed load.
 */
import type { Admissions } from '../packages/rowpass/src/gateway/admission.ts'
import type { GatewayIdentity, Statement } from '../packages/rowpass/src/postgres/flight.ts'
import { Pool, type PoolOptions } from '../packages/rowpass/src/postgres/pool.ts'
import type { Run } from './measure.ts'

/**
 * Opens a pool and waits for its connections: 4, 8 requests deep, unless `over` says otherwise.
 * @param url of the login
 */
export async function openPool(url: string, over: Partial<PoolOptions> = {}): Promise<Pool> {
  const { username, password, pathname } = new URL(url)
  const options: PoolOptions = {
    server: new URL(url),
    user: username,
    password,
    database: pathname.slice(1),
    applicationName: undefined,
    connectTimeoutMs: 5_000,
    statementTimeoutMs: 15_000,
    lockTimeoutMs: 5_000,
    maxResponseBytes: 10_000_000,
    maxPreparedStatements: 256,
    size: 4,
    maxPipelineDepth: 8,
    maxQueued: 100_000,
    queueTimeoutMs: 10_000,
    slowLimit: 2,
    requestTimeoutMs: 30_000,
    ...over,
  }
  const pool = new Pool(options)
  while (pool.open < options.size) await new Promise((resolve) => setTimeout(resolve, 10))
  return pool
}

/**
 * Runs a statement and rejects unless it found one row, whose answer is written too.
 * @param admit has the database remember an identity that comes again, as the gateway does
 */
export async function askOne(
  pool: Pool,
  identity: GatewayIdentity | undefined,
  statement: Statement,
  admit?: Admissions,
): Promise<void> {
  const work = { identity, statements: [statement], begin: undefined, exclusive: false, reset: false, readOnly: true }
  const flight = await pool.run(work, { owner: 'bench' })
  const { error, sinks } = flight
  const [sink] = sinks
  if (identity !== undefined) admit?.(identity, 'bench', flight)
  if (error !== undefined || sink?.rowCount !== 1 || !Array.isArray(sink.finish())) {
    throw new Error(`${statement.sql}: ${JSON.stringify(error)}`)
  }
}

/** Asks again as soon as there is an answer, so many at once. */
export async function load(ask: (turn: number) => Promise<void>, clients: number, durationMs: number): Promise<Run> {
  const latencies: number[] = []
  const start = performance.now()
  let turn = 0
  async function client(): Promise<void> {
    for (let now = performance.now(); now < start + durationMs; ) {
      await ask(turn++)
      const after = performance.now()
      latencies.push(after - now)
      now = after
    }
  }
  await Promise.all(Array.from({ length: clients }, client))
  return {
    requests: latencies.length,
    perSecond: (latencies.length * 1_000) / (performance.now() - start),
    latenciesMs: Float64Array.from(latencies).sort(),
  }
}
