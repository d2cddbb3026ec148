/**
 * The one way in which anything is tried: in a transaction that is rolled back, each attempt in a savepoint of its own.
 */
import pg from 'pg'

/** How long a trial may take, in milliseconds; what is left out is as the session has it. */
export interface TrialLimits {
  /** Of each statement. */
  readonly statementMs?: number | undefined
  /** Of waiting for each lock. */
  readonly lockMs?: number | undefined
  /** Between two statements; 0 is for ever. */
  readonly idleMs?: number | undefined
  /** Whether all statements see the database as it was at the first one. */
  readonly repeatable?: boolean
  /** Whether nothing may be written, not even what is rolled back. */
  readonly readOnly?: boolean
}

/** An error of PostgreSQL's, without what it may quote of rows. */
export interface SqlProblem {
  readonly sqlstate: string
  /** PostgreSQL's message: what whoever runs the statement is told. */
  readonly message: string
  readonly table?: string
  readonly constraint?: string
  /** Where in functions it happened, as PostgreSQL tells; may quote statements and values, so that it is never shown. */
  readonly context?: string
}

const savepoint = 'rowpass_attempt'
const undo = `rollback to savepoint ${savepoint}; release savepoint ${savepoint}`

/**
 * Runs `work` in a transaction that is rolled back, whatever becomes of it. Sequences that advance are not taken back.
 *
 * @param client outside of a transaction
 */
export async function inTrial<T>(client: pg.ClientBase, limits: TrialLimits, work: () => Promise<T>): Promise<T> {
  const { statementMs, lockMs, idleMs, repeatable = false, readOnly = false } = limits
  const settings = { statement_timeout: statementMs, lock_timeout: lockMs, idle_in_transaction_session_timeout: idleMs }
  const lines = Object.entries(settings).flatMap(([name, value]) =>
    value === undefined ? [] : [`set local ${name} = ${Math.trunc(value)}`],
  )
  const modes = `${repeatable ? ' isolation level repeatable read' : ''}${readOnly ? ' read only' : ''}`
  await client.query([`begin${modes}`, ...lines].join('; '))
  let result: T
  try {
    result = await work()
  } catch (error) {
    // Where the connection is lost, that is what the work failed with.
    await client.query('rollback').catch(() => undefined)
    throw error
  }
  await client.query('rollback')
  return result
}

/**
 * Runs `work` and takes back what it did, as if it had never run; an error in it does not end the transaction. Locks of it
 * end as well.
 *
 * @param options.keep whether what it did stays where it succeeds, until the transaction ends
 * @throws what `work` throws
 */
export async function inSavepoint<T>(
  client: pg.ClientBase,
  work: () => Promise<T>,
  { keep = false }: { keep?: boolean } = {},
): Promise<T> {
  await client.query(`savepoint ${savepoint}`)
  let isDone = false
  try {
    const value = await work()
    isDone = true
    return value
  } finally {
    await client.query(keep && isDone ? `release savepoint ${savepoint}` : undo)
  }
}

/**
 * The same, for what PostgreSQL may refuse.
 *
 * @returns the problem where it did
 */
export async function attempt<T>(
  client: pg.ClientBase,
  work: () => Promise<T>,
  options: { keep?: boolean } = {},
): Promise<T | SqlProblem> {
  try {
    return await inSavepoint(client, work, options)
  } catch (error) {
    return toProblem(error)
  }
}

/**
 * The same for statements without parameters, in one message to the server: most of the time of a short statement is the
 * way there and back.
 *
 * They have to be ones that PostgreSQL can parse: an error of syntax would come before the savepoint.
 *
 * @returns a result for each statement; or the error where PostgreSQL refused one of them
 */
export async function attemptText(
  client: pg.ClientBase,
  statements: readonly string[],
): Promise<readonly pg.QueryResult[] | pg.DatabaseError> {
  try {
    // Several statements give a list of results, which the types of the driver do not say.
    const text = [`savepoint ${savepoint}`, ...statements, undo].join('; ')
    const results = (await client.query(text)) as unknown as pg.QueryResult[]
    return results.slice(1, -2)
  } catch (error) {
    if (!(error instanceof pg.DatabaseError)) throw error
    await client.query(undo)
    return error
  }
}

/** @throws the error itself when it did not come from PostgreSQL */
export function toProblem(error: unknown): SqlProblem {
  if (!(error instanceof pg.DatabaseError)) throw error
  const { code = 'XX000', message, table, constraint, where } = error
  return {
    sqlstate: code,
    message,
    ...(table && { table }),
    ...(constraint && { constraint }),
    ...(where && { context: where }),
  }
}

/** Whether an answer of {@link attempt} is a problem. */
export function isProblem(value: unknown): value is SqlProblem {
  return typeof value === 'object' && value !== null && 'sqlstate' in value && 'message' in value
}
