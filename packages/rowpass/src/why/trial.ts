/**
 * Runs the statement for real, as the identity, in a transaction that is rolled back.
 */
import type pg from 'pg'
import { type SqlProblem, toProblem } from '../access/trial.ts'
import { rolledBack, type TrialIdentity } from './session.ts'
import type { ParsedStatement } from './usage.ts'

/** What happened. */
export interface StatementOutcome {
  /** Rows that were given, or changed; at most {@link maxRows} + 1 for a SELECT. */
  readonly rows: number | undefined
  readonly problem: SqlProblem | undefined
}

/** Rows of a SELECT that are counted. */
export const maxRows = 100_000

/**
 * Tries a statement. A SELECT is run through a cursor, and its rows are counted and not fetched.
 *
 * Constraints that are deferred are checked at the end, as COMMIT would. Triggers fire; what they do outside of the
 * database, and sequences that advance, are not taken back.
 */
export async function tryStatement(
  client: pg.ClientBase,
  setting: TrialIdentity,
  { command, changesInWith }: ParsedStatement,
  sql: string,
): Promise<StatementOutcome> {
  const throughCursor = command === 'select' && !changesInWith
  try {
    return await rolledBack(client, setting, 'identity', async () => {
      if (throughCursor) await client.query(`declare rowpass_why no scroll cursor for ${sql}`)
      const result = await client.query(throughCursor ? `move forward ${maxRows + 1} in rowpass_why` : sql)
      await client.query('set constraints all immediate')
      return { rows: result.rowCount ?? undefined, problem: undefined }
    })
  } catch (error) {
    return { rows: undefined, problem: toProblem(error) }
  }
}
