/**
 * Every failure Rowpass itself can report: one table, one class.
 * Errors raised by PostgreSQL in the caller's own SQL are not listed here; they pass through.
 */

/** What one failure looks like to each audience. */
export interface FailureSpec {
  /** HTTP status where the surface is free to choose one; the SQL-over-HTTP surface answers 400 so that drivers read `code`. */
  readonly status: 400 | 401 | 403 | 404 | 405 | 409 | 413 | 415 | 429 | 500 | 502 | 503 | 507
  /** SQLSTATE (PostgreSQL appendix A) for clients that speak SQL. */
  readonly sqlstate: string
  /** One sentence for the client. */
  readonly says: string
  /** What to do next, where there is something to do. */
  readonly hint?: string
}

/** Every failure, by code. Codes are public: never renamed, never reused. */
export const failures = {
  token_missing: {
    status: 401,
    sqlstate: '28000',
    says: 'No bearer token was sent',
    hint: 'Send the header "Authorization: Bearer <token>"; with @neondatabase/serverless, pass authToken.',
  },
  token_invalid: {
    status: 401,
    sqlstate: '28000',
    says: 'The token was refused',
    hint: 'Sign in again. The gateway log names the check that failed.',
  },
  token_expired: {
    status: 401,
    sqlstate: '28000',
    says: 'The token has expired',
    hint: 'Ask the issuer for a new token.',
  },
  role_refused: {
    status: 403,
    sqlstate: '28000',
    says: 'The token does not allow this database role',
  },
  database_unknown: {
    status: 400,
    sqlstate: '3D000',
    says: 'The connection string names a database this gateway does not serve',
  },
  connection_string_invalid: {
    status: 400,
    sqlstate: '08P01',
    says: 'The Neon-Connection-String header is not a PostgreSQL URL',
  },
  request_invalid: { status: 400, sqlstate: '08P01', says: 'The request is malformed' },
  request_too_large: { status: 413, sqlstate: '54000', says: 'The request is over the size limit' },
  response_too_large: { status: 507, sqlstate: '54000', says: 'The result is over the size limit' },
  statement_refused: {
    status: 400,
    sqlstate: '42501',
    says: 'The statement is not allowed with a token',
  },
  timeout: { status: 503, sqlstate: '57014', says: 'The statement took too long and was cancelled' },
  overloaded: {
    status: 503,
    sqlstate: '53300',
    says: 'The gateway is at its limit',
    hint: 'Nothing was run. Try again after a short wait.',
  },
  database_unavailable: {
    status: 503,
    sqlstate: '08006',
    says: 'The database cannot be reached',
  },
  internal: { status: 500, sqlstate: 'XX000', says: 'Something failed inside Rowpass' },
} as const satisfies Record<string, FailureSpec>

/** The code of one failure; callers switch on it. */
export type FailureCode = keyof typeof failures

/**
 * A failure that Rowpass foresaw.
 *
 * `detail` is shown to the client: it never holds a token, a password, a URL with credentials or SQL text of another
 * caller. `cause` is for the operator's log only.
 */
export class Failure extends Error {
  override readonly name = 'Failure'
  readonly code: FailureCode
  readonly detail: string | undefined

  constructor(code: FailureCode, options: { detail?: string; cause?: unknown } = {}) {
    super(failures[code].says, { cause: options.cause })
    this.code = code
    this.detail = options.detail
  }

  /** The row of the table for this failure. */
  get spec(): FailureSpec {
    return failures[this.code]
  }
}
