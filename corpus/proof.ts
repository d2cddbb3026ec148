/**
 * Runs what a case says: its proof, and what legitimate people do.
 */
import type pg from 'pg'
import { sqlstateOf } from '../packages/rowpass/src/database/connect.ts'
import type { Case, Outcome } from './cases.ts'

/** How both end on the schema that is there. */
export interface Proof {
  readonly shown: Outcome
  readonly works: Outcome
}

/** Runs both, and undoes both. `client` is a superuser's, in a transaction. */
export async function prove(client: pg.Client, { proof, work }: Pick<Case, 'proof' | 'work'>): Promise<Proof> {
  return { shown: await outcomeOf(client, proof), works: await outcomeOf(client, work) }
}

async function outcomeOf(client: pg.Client, sql: string): Promise<Outcome> {
  await client.query('savepoint proof')
  try {
    const results: unknown = await client.query(sql)
    const last: pg.QueryResult = Array.isArray(results) ? results.at(-1) : results
    return String(Object.values(last.rows[0] ?? {})[0])
  } catch (error) {
    const code = sqlstateOf(error)
    if (code === undefined) throw error
    return code
  } finally {
    await client.query('rollback to savepoint proof')
  }
}
