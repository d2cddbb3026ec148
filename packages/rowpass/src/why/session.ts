/**
 * Transactions that never commit, and what PostgreSQL says when something fails in one.
 */
import pg from 'pg'
import { become, type ClaimsCarrier, type Identity, lendClaims, makeReady } from '../access/identity.ts'

/** How the identity is to be taken on, and for how long anything may run. */
export interface Setting {
  readonly identity: Identity
  readonly carrier: ClaimsCarrier | undefined
  /** For each statement. */
  readonly timeoutMs: number
}

/** An error of PostgreSQL's, without what it may quote of rows. */
export interface SqlProblem {
  readonly sqlstate: string
  /** PostgreSQL's message: what whoever runs the statement is told. */
  readonly message: string
  readonly table?: string
  readonly constraint?: string
}

const enter = { identity: become, self: lendClaims, stage: makeReady }

/** How long a lock is waited for. */
const lockMs = 1_000

/**
 * Runs `work` in a transaction that is rolled back, whatever happens.
 *
 * @param as `identity`; `self`, the connection's own role with the claims; `stage`, the same for who takes the role in turns
 */
export async function rolledBack<T>(
  client: pg.ClientBase,
  setting: Setting,
  as: 'identity' | 'self' | 'stage',
  work: () => Promise<T>,
): Promise<T> {
  await client.query('begin')
  try {
    const [statementMs, waitMs, idleMs] = [
      setting.timeoutMs,
      Math.min(lockMs, setting.timeoutMs),
      setting.timeoutMs * 4,
    ]
    await client.query(
      `select set_config('statement_timeout', $1, true), set_config('lock_timeout', $2, true),
              set_config('idle_in_transaction_session_timeout', $3, true)`,
      [statementMs, waitMs, idleMs].map(String),
    )
    await enter[as](client, setting.identity, setting.carrier)
    return await work()
  } finally {
    await client.query('rollback')
  }
}

/**
 * Runs `work` and takes back what it did, as if it had never run; an error in it does not end the transaction.
 *
 * @returns the problem when PostgreSQL refused something
 */
export async function attempt<T>(client: pg.ClientBase, work: () => Promise<T>): Promise<T | SqlProblem> {
  await client.query('savepoint rowpass_why')
  try {
    return await work()
  } catch (error) {
    return toProblem(error)
  } finally {
    await client.query('rollback to savepoint rowpass_why')
  }
}

/** @throws the error itself when it did not come from PostgreSQL */
export function toProblem(error: unknown): SqlProblem {
  if (!(error instanceof pg.DatabaseError)) throw error
  const { code = 'XX000', message, table, constraint } = error
  return { sqlstate: code, message, ...(table && { table }), ...(constraint && { constraint }) }
}

/** Whether an answer of {@link attempt} is a problem. */
export function isProblem(value: unknown): value is SqlProblem {
  return typeof value === 'object' && value !== null && 'sqlstate' in value && 'message' in value
}
