/**
 * What surrounds the statements of a sealed transaction: the envelope that sets the identity, and the cleaning of the
 * session, before for what others may have left there, and after.
 */
import { namesSession, type RequestIdentity } from './form.ts'

/**
 * Runs before each request's statements. No call can be left out, as none of these values is ever null, and no claim is
 * echoed. A chain of `or` and not a sum: PostgreSQL checks the right to each operator in each transaction, and `or` is none.
 */
export const envelopeSql = `select set_config('role', $1, true) is null
  or set_config('rowpass.claims', $2, true) is null
  or set_config('rowpass.seal', $3, true) is null`

/** What is added for an identity that names a session. */
export const refuseEnded = ' or rowpass.refuse_ended_session()'

/**
 * The same for an identity that names a session: one that was ended gets no answer, even to a statement that asks nothing
 * about its caller.
 */
export const sessionEnvelopeSql = envelopeSql + refuseEnded

/** The envelope of an identity, and its parameters. */
export function envelopeOf({ role, session }: RequestIdentity): readonly [sql: string, parameters: string[]] {
  const { claims, seal } = session
  return [namesSession(session) ? sessionEnvelopeSql : envelopeSql, [role, claims, seal]]
}

/**
 * What `DISCARD ALL` does and a transaction allows, but for prepared statements, which belong to the driver: nothing sealed
 * uses one by name. The role comes first, as that of a request need not have the right to the function.
 */
const cleaning = [
  'set session authorization default',
  'reset role',
  'reset all',
  'close all',
  'select pg_catalog.pg_advisory_unlock_all()',
  'discard temp',
  'discard sequences',
]

/** The cleaning as one text of several statements. */
export const cleaningSql = cleaning.join('; ')

/** The cleaning as one statement. Constraints and triggers that wait for the end of the transaction come before it. */
export const cleaningStatement = `do $$begin set constraints all immediate; ${cleaning
  .map((sql) => `execute '${sql}'`)
  .join('; ')}; end$$`
