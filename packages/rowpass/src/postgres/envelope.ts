/**
 * The forms of the envelope that connections keep prepared: the whole seal or its ticket, of an identity that names a session
 * or not.
 */
import { envelopeSql, refuseEnded } from '../seal/envelope.ts'
import { namesSession, ticketOf } from '../seal/form.ts'
import type { GatewayIdentity } from './flight.ts'

/** One form. */
export interface EnvelopeForm {
  /** Under which a connection keeps it. */
  readonly name: string
  readonly sql: string
  /** The same behind a pooler, with three timeouts more: the next message after it starts the clock anew. */
  readonly pooledSql: string
}

/** After it: by the time each request of a group is told from the others. */
const timeSql = ', statement_timestamp()'
const ticketEnvelopeSql = `select set_config('role', $1, true) is null
  or set_config('rowpass.seal', $2, true) is null`

/** Claims and seal as they are; then for an identity that names a session. */
export const [wholeEnvelope, wholeSessionEnvelope] = makeForms('envelope', envelopeSql, 4)
/** The ticket of a seal that the database remembers, in the same way. */
export const [ticketEnvelope, ticketSessionEnvelope] = makeForms('envelope_by_ticket', ticketEnvelopeSql, 3)

function makeForms(name: string, sql: string, firstTimeout: number): [form: EnvelopeForm, ofSession: EnvelopeForm] {
  const timeouts = ['statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout']
  const settings = timeouts.map((timeout, n) => ` or set_config('${timeout}', $${firstTimeout + n}, true) is null`)
  const pooledSql = sql + settings.join('')
  const form = (suffix: string, check: string) => ({
    name: name + suffix,
    sql: sql + check + timeSql,
    pooledSql: pooledSql + check,
  })
  return [form('', ''), form('_of_session', refuseEnded)]
}

/** Fails (22012) on a server that is no standby, or has not replayed the log as far as that. */
const refuseBehind = ` or 1 / case when pg_catalog.pg_is_in_recovery()
  and pg_catalog.pg_last_wal_replay_lsn() operator(pg_catalog.>=) $4::pg_catalog.pg_lsn then 1 else 0 end is null`

/** The whole seal, on a standby. What the statement sees, it sees after that: each has a snapshot of its own. */
export const [standbyEnvelope] = makeForms('envelope_on_standby', envelopeSql + refuseBehind, 5)

/**
 * The form for an identity, and its parameters but for timeouts.
 * @param ticketed whether its ticket is sent
 * @param replayed of `Work`; its identity names no session, which is asked of the primary alone
 */
export function envelopeOf(
  { role, session }: GatewayIdentity,
  ticketed: boolean,
  replayed?: string,
): { readonly form: EnvelopeForm; readonly endable: boolean; readonly params: readonly string[] } {
  const { claims, seal } = session
  if (replayed !== undefined) return { form: standbyEnvelope, endable: false, params: [role, claims, seal, replayed] }
  const endable = namesSession(session)
  return ticketed
    ? { form: endable ? ticketSessionEnvelope : ticketEnvelope, endable, params: [role, ticketOf(session)] }
    : { form: endable ? wholeSessionEnvelope : wholeEnvelope, endable, params: [role, claims, seal] }
}
