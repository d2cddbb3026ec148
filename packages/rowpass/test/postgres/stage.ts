/** A pool over a test database, for what requests of several owners do to each other. */
import type { RowpassEvent } from '../../src/events.ts'
import type { Flight, Work } from '../../src/postgres/flight.ts'
import { Pool, type PoolOptions } from '../../src/postgres/pool.ts'
import { waitUntil } from '../support/gateway.ts'
import type { TestDatabase } from '../support/pg.ts'

/** The name under which the backends of a stage can be found. */
export const applicationName = 'rowpass stage'

/** A pool, what it reported, and requests of the login itself. */
export interface PoolStage {
  readonly pool: Pool
  readonly events: readonly RowpassEvent[]
  /** Sends one statement. @param over what differs from a statement that may change something and share a connection */
  ask(owner: string, sql: string, params?: readonly string[], over?: Partial<Work>): Promise<Flight>
}

/** @param over what differs from a pool of four connections */
export async function openPool(
  database: Pick<TestDatabase, 'gatewayUrl' | 'name'>,
  over: Partial<PoolOptions> = {},
): Promise<PoolStage> {
  const server = new URL(database.gatewayUrl)
  const events: RowpassEvent[] = []
  const options: PoolOptions = {
    ...{ server, user: server.username, password: server.password, database: database.name, applicationName },
    ...{ connectTimeoutMs: 5_000, statementTimeoutMs: 15_000, lockTimeoutMs: 5_000, requestTimeoutMs: 20_000 },
    ...{ maxResponseBytes: 1_000_000, maxPreparedStatements: 100, size: 4, slowLimit: 2, maxPipelineDepth: 8 },
    ...{ maxQueued: 1_000, queueTimeoutMs: 5_000 },
    ...over,
  }
  const pool = new Pool(options, (event) => events.push(event))
  await waitUntil(
    () =>
      (pool.open === options.size && pool.inFlight === 0) || events.some(({ type }) => type === 'connection_failed'),
  )
  return {
    pool,
    events,
    ask(owner, sql, params = [], work = {}) {
      const shape = { arrayMode: true, rawText: true }
      const one: Work = {
        ...{ identity: undefined, statements: [{ sql, params, prepare: true, shape }], begin: undefined },
        ...{ exclusive: false, reset: false },
        ...work,
      }
      return pool.run(one, { owner })
    },
  }
}
