/**
 * Runs one statement in a savepoint that is rolled back whatever happens, and tells how it ended.
 */
import pg from 'pg'
import { attemptText } from '../access/trial.ts'
import { sqlstateOf } from '../database/connect.ts'
import type { AttemptOutcome, CellAttempt } from './cell.ts'

/** A statement. */
export interface TriedStatement {
  /** As it is shown: on the table itself, with placeholders for values. */
  readonly sql: string
  /** As it is run, where that differs: with the values as literals, since several statements take no parameters. */
  readonly run?: string
  /** What it is for, in a few words. */
  readonly says: string
  /** Statements that prepare it inside the savepoint. */
  readonly before?: string
  /** One statement after it, whose result is looked at. */
  readonly after?: string
}

/** What `look` returns is the value, where the statement succeeded. */
export interface Attempted<T> {
  readonly attempt: CellAttempt
  readonly value?: T
}

/** What is to be known of a statement; `after` is the result of the statement after it. */
export type Look<T> = (result: pg.QueryResult, after: pg.QueryResult) => { rows?: number; value?: T }

/**
 * Tries a statement and undoes it. Row locks and table locks of the statement end with it, so nobody waits longer than it
 * runs. The statement has to be one that PostgreSQL can parse.
 *
 * @param look reads what is to be known of the results; its number becomes the attempt's `rows`
 */
export async function tryOnce<T>(
  client: pg.ClientBase,
  { sql, run = sql, says, before, after }: TriedStatement,
  look: Look<T> = ({ rowCount }) => ({ rows: rowCount ?? 0 }),
): Promise<Attempted<T>> {
  const statements = [before, run, after].filter((each) => each !== undefined)
  const results = await attemptText(client, statements)
  if (results instanceof pg.DatabaseError) {
    const sqlstate = sqlstateOf(results) ?? ''
    return { attempt: { sql, says, outcome: toOutcome(results), error: withoutValues(results), sqlstate } }
  }
  const [main, last = main] = results.slice(after === undefined ? -1 : -2)
  if (main === undefined || last === undefined) throw new TypeError(`${results.length} results`)
  const { rows, value } = look(main, last)
  const done: CellAttempt = { sql, says, outcome: 'done', ...(rows !== undefined && { rows }) }
  return { attempt: done, ...(value !== undefined && { value }) }
}

/** A statement without values of its own: what does not suit is what a policy makes of a row or a claim, so that it fails. */
export function asFailure<T>({ attempt, ...rest }: Attempted<T>): Attempted<T> {
  return { ...rest, attempt: attempt.outcome === 'unsuited' ? { ...attempt, outcome: 'error' } : attempt }
}

/** Messages about data quote it, after the first colon or quotation mark. */
function withoutValues({ code = '', message }: pg.DatabaseError): string {
  return code.startsWith('22') ? (/^[^:"']*/.exec(message)?.[0].trim() ?? '') : message
}

/** A value as it stands in a statement. */
export function toLiteral(value: string | null): string {
  return value === null ? 'null' : pg.escapeLiteral(value)
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
function toOutcome(error: pg.DatabaseError): AttemptOutcome {
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
