/**
 * Runs one statement in a savepoint that is rolled back whatever happens, and tells how it ended.
 */
import pg from 'pg'
import { sqlstateOf } from '../../database/connect.ts'
import type { Attempt, Outcome } from './cell.ts'

/** A statement with its values. */
export interface Statement {
  readonly sql: string
  readonly values?: readonly (string | null)[]
  /** What it is for, in a few words. */
  readonly says: string
  /** Statements that prepare it inside the savepoint. */
  readonly before?: string
}

/** What `look` returns is the result of {@link attempt} where the statement succeeded. */
export interface Attempted<T> {
  readonly attempt: Attempt
  readonly value?: T
}

/**
 * Tries a statement and undoes it.
 *
 * Row locks and table locks of the statement end with the savepoint, so nobody waits longer than it runs.
 *
 * @param look reads what is to be known before the savepoint is rolled back; its number becomes the attempt's `rows`
 */
export async function attempt<T>(
  client: pg.ClientBase,
  { sql, values = [], says, before }: Statement,
  look: (result: pg.QueryResult) => Promise<{ rows?: number; value?: T }> = async ({ rowCount }) => ({
    rows: rowCount ?? 0,
  }),
): Promise<Attempted<T>> {
  await client.query(`savepoint rowpass_cell${before === undefined ? '' : `; ${before}`}`)
  try {
    const { rows, value } = await look(await client.query(sql, [...values]))
    const done: Attempt = { sql, says, outcome: 'done', ...(rows !== undefined && { rows }) }
    return { attempt: done, ...(value !== undefined && { value }) }
  } catch (error) {
    if (!(error instanceof pg.DatabaseError)) throw error
    const sqlstate = sqlstateOf(error) ?? ''
    return { attempt: { sql, says, outcome: toOutcome(error), error: error.message, sqlstate } }
  } finally {
    await client.query('rollback to savepoint rowpass_cell; release savepoint rowpass_cell')
  }
}

/** The states of PostgreSQL that speak of other sessions or of time, not of rights. */
const busy = new Set(['40001', '40P01', '55P03'])

/**
 * Tells a refusal by a policy from one by a privilege, and what a constraint says from what comes before any policy.
 *
 * PostgreSQL asks in this order: privileges; values of domains, BEFORE triggers, generated columns, the choice of the
 * partition; WITH CHECK of the policies; NOT NULL and CHECK; unique keys; foreign keys. So a constraint of the table
 * that fails has been let through by the policies, and one of a domain tells nothing of them. Told by the function that
 * raised it (`routine`), not by the message, which may be translated.
 */
export function toOutcome(error: pg.DatabaseError): Outcome {
  const { code = '', routine, dataType } = error
  if (code === '42501') return isPolicy(error) ? 'policy' : 'denied'
  if (code === '57014') return 'timeout'
  if (busy.has(code)) return 'busy'
  if (routine === 'exec_stmt_raise') return 'error'
  if (code.startsWith('23'))
    return dataType !== undefined || routine === 'ExecFindPartition' ? 'unsuited' : 'constraint'
  // A view's own WITH CHECK OPTION comes after the policies of its table.
  if (code === '44000') return 'constraint'
  if (code.startsWith('22') || code === '428C9') return 'unsuited'
  return 'error'
}

function isPolicy({ routine, message }: pg.DatabaseError): boolean {
  return routine === undefined ? message.includes('row-level security') : routine === 'ExecWithCheckOptions'
}
