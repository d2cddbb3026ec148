/**
 * The caller's own database: every statement carries the caller's token, of which a gateway makes an identity, or the identity
 * itself, sealed.
 */
import { NeonDbError, neon } from '@neondatabase/serverless'
import { drizzle, type NeonHttpDatabase } from 'drizzle-orm/neon-http'
import { Failure, type FailureCode, failures } from 'rowpass'
import type { SqlDatabase } from 'rowpass/issuer'
import { sealed } from 'rowpass/seal'
import type { Hidden } from './hidden.ts'
import type { Identify } from './sealing.ts'
import type { StatementRecorder } from './why.ts'

/** A Drizzle database in which every query runs as one caller. */
export type CallerDatabase = NeonHttpDatabase

/** How the database of the callers is reached. */
export interface DatabaseAccess {
  /** PostgreSQL URL: of the role that tokens speak to, or of the login that can do nothing unless it is sealed. */
  readonly databaseUrl: Hidden
  /** Set where this API seals; where it is not, whoever answers at the other end verifies the token. */
  readonly identify: Identify | undefined
}

/**
 * Opens the database as the bearer of a token. Each query is one HTTP request.
 *
 * Looks at the token only where it seals; elsewhere it is verified with each statement, at the other end.
 *
 * @param logger hears each statement before it is sent; see `why.ts`
 * @throws Failure as `identify`
 */
export async function connectAs(
  token: string,
  { databaseUrl, identify }: DatabaseAccess,
  logger?: StatementRecorder,
): Promise<CallerDatabase> {
  const options = { ...(logger && { logger }) }
  if (identify === undefined) return drizzle(neon(databaseUrl.reveal(), { authToken: token }), options)
  return sealed(drizzle(neon(databaseUrl.reveal()), options), await identify(token))
}

/** A Drizzle database in which every query runs as `rowpass_issuer`. */
export type IssuerDatabase = NeonHttpDatabase

/** Opens the database as the issuer: its password is in the URL. */
export function openIssuerDatabase(issuerDatabaseUrl: string): IssuerDatabase {
  return drizzle(neon(issuerDatabaseUrl))
}

/** Reaches the database as the issuer, for the library. */
export function connectAsIssuer(issuerDatabaseUrl: string): SqlDatabase {
  const sql = neon(issuerDatabaseUrl)
  return {
    async query(text, parameters) {
      try {
        return await sql.query(text, parameters)
      } catch (error) {
        // The login that was refused is ours, not the caller's, and another try is refused too.
        if (!(error instanceof NeonDbError) || !error.code?.startsWith('28')) throw error
        throw new Failure('internal', { cause: error })
      }
    },
  }
}

/**
 * Names what went wrong in a query.
 *
 * The result shows the client nothing of the statement, its parameters or hidden rows; `cause` keeps the error for the
 * log. An error that did not come from the driver is `internal`.
 */
export function toFailure(error: unknown): Failure {
  if (error instanceof Failure) return error
  // Drizzle wraps what the driver throws, in a message that holds the parameters.
  const refusal = rootOf(error)
  if (!(refusal instanceof NeonDbError)) return new Failure('internal', { cause: refusal })
  const detail = details[refusal.constraint ?? '']
  return new Failure(toCode(refusal), { cause: refusal, ...(detail !== undefined && { detail }) })
}

/** What to tell about a constraint, where its name does not say it to everyone. */
const details: Readonly<Record<string, string>> = {
  memberships_user_id_users_id_fk: 'This person is a member of another tenant, and has to leave it first.',
  memberships_tenant_id_tenants_id_fk: 'People of other tenants are members of this one, and have to leave it first.',
  tenants_pkey: 'This tenant exists already.',
  users_tenant_id_email_key: 'Another user in this tenant has this e-mail address.',
  users_tenant_id_tenants_id_fk: 'A tenant has to exist before its people, and goes after them.',
}

/** Failures by SQLSTATE, or by its class (the first two characters); PostgreSQL appendix A. */
const codes: Readonly<Record<string, FailureCode>> = {
  '08': 'database_unavailable',
  '22': 'input_invalid',
  '23': 'input_invalid',
  '23001': 'conflict',
  '23503': 'conflict',
  '23505': 'conflict',
  '28': 'token_invalid',
  '28P01': 'internal',
  '40': 'overloaded',
  '53': 'overloaded',
  '57014': 'timeout',
  '57P': 'database_unavailable',
}

function toCode({ code, hint, message, schema, constraint }: NeonDbError): FailureCode {
  // The driver reads a body only under status 400: no SQLSTATE means no gateway, or one that could not speak.
  if (code === undefined || code === '') return neonRefusalOf(message) ?? 'gateway_unreachable'
  const named = /^([a-z_]+)(?::|$)/.exec(hint ?? '')?.[1]
  if (named !== undefined && Object.hasOwn(failures, named)) return publicly(named as FailureCode)
  // Only our gateway gives such hints.
  if (schema === 'rowpass' && constraint === 'session_revoked') return 'session_revoked'
  if (/^the session is (not )?sealed /.test(message)) return 'internal'
  if (code === '42501') return message.includes('row-level security') ? 'policy_refused' : 'grant_missing'
  return codes[code] ?? codes[code.slice(0, 3)] ?? codes[code.slice(0, 2)] ?? 'internal'
}

/** Neon Authorize gives no SQLSTATE where it refuses a token, only these words. */
function neonRefusalOf(message: string): FailureCode | undefined {
  if (message.startsWith('JWT token has expired')) return 'token_expired'
  return /^(signature error|jwk not found|missing key id|.*\bJWT\b)/.test(message) ? 'token_invalid' : undefined
}

/** Statements and passwords are ours, so the gateway refusing one as such is our fault and not the caller's. */
function publicly(code: FailureCode): FailureCode {
  return ours.has(code) ? 'internal' : code
}

const ours: ReadonlySet<FailureCode> = new Set([
  'statement_refused',
  'request_invalid',
  'connection_string_invalid',
  'database_unknown',
  'password_refused',
  'attempts_exceeded',
])

function rootOf(error: unknown): unknown {
  return error instanceof Error && error.cause !== undefined ? rootOf(error.cause) : error
}
