/**
 * Writes errors in the shape that Neon's SQL over HTTP has and its driver reads: PostgreSQL's, and those of the gateway.
 */
import { Failure, type FailureCode } from '../../errors.ts'
import { failures } from '../../failures.ts'
import type { PostgresError } from '../../postgres/messages.ts'
import type { Refused } from '../../statement/classify.ts'
import type { Writing } from '../../statement/judge.ts'
import { toChallenge } from '../../token/bearer.ts'
import type { Ending, SqlResponse } from './respond.ts'

/** How a request ends with whatever was thrown. What is no Failure nobody foresaw, and tells the client nothing. */
export function refuse(error: unknown): Ending {
  if (!(error instanceof Failure)) return { response: internalResponse(), outcome: 'internal', cause: error }
  return { response: failureResponse(error), outcome: error.code, sqlstate: error.spec.sqlstate, cause: error }
}

/**
 * How a request ends whose statement is refused; where PostgreSQL would not run it either, in PostgreSQL's words.
 * @throws Failure `statement_refused` in every other case
 */
export function refuseStatement({ what, instead, error }: Refused): Ending {
  if (error === undefined) {
    throw new Failure('statement_refused', {
      detail: `${what} is not allowed with a token.${instead === undefined ? '' : ` ${instead}`}`,
    })
  }
  const position = error.position === undefined ? {} : { position: String(error.position) }
  const response = tokenErrorResponse({ message: error.message, code: error.sqlstate, severity: 'ERROR', ...position })
  return { response, outcome: 'postgres', sqlstate: error.sqlstate }
}

/** Where Neon has a wording of its own that clients may match on. */
const neonMessages: Partial<Record<FailureCode, string>> = {
  token_missing: 'missing authentication credentials: required authorization bearer token in JWT format',
}

/** The members of an error body, all of which Neon always sends. */
const noFields = {
  detail: null,
  hint: null,
  position: null,
  internalPosition: null,
  internalQuery: null,
  where: null,
  table: null,
  column: null,
  schema: null,
  dataType: null,
  constraint: null,
  file: null,
  line: null,
  routine: null,
}

/** The answer to an error that PostgreSQL raised for a user with a password: every field as it came. */
export function passwordErrorResponse(error: PostgresError): SqlResponse {
  const { message, code, ...rest } = error
  return errorResponse(400, { message, code, ...noFields, ...rest })
}

/**
 * The answer to an error that PostgreSQL raised in a token holder's SQL.
 *
 * Where the server's code and the owner's functions are (`file`, `line`, `routine`, `where`, `internalQuery`) is
 * nothing that a token holder needs. A refusal gets a hint that says whether a grant or a policy refused.
 *
 * @param writing what the statement writes
 */
export function tokenErrorResponse(error: PostgresError, writing?: Writing): SqlResponse {
  const { message, code, severity, detail, hint, position, schema, table, column, dataType, constraint } = error
  return errorResponse(400, {
    message,
    code,
    ...noFields,
    severity,
    detail: printsHiddenRow(error) ? null : (detail ?? null),
    hint: hint ?? refusalHint(error, writing),
    position: position ?? null,
    table: table ?? null,
    column: column ?? null,
    schema: schema ?? null,
    dataType: dataType ?? null,
    constraint: constraint ?? null,
  })
}

/** Violations of integrity and of a view's CHECK OPTION: their DETAIL prints the values of a row. */
const violation = /^(23|44)/

/**
 * Whether DETAIL may print a row that the caller cannot see.
 *
 * PostgreSQL leaves the values out where grants or policies hide the row from the current user. In a function that runs
 * as its owner that is not the caller. What a function says itself, by RAISE, is meant to be heard.
 */
function printsHiddenRow({ code, where, routine }: PostgresError): boolean {
  return violation.test(code) && where !== undefined && routine !== 'exec_stmt_raise'
}

/**
 * The answer to a failure of our own. Its `hint` begins with the failure's code.
 *
 * What a client should be able to tell apart is 400, because the driver reads `code` and `hint` on 400 only; the two
 * size limits keep the statuses that Neon gives them.
 */
export function failureResponse(failure: Failure): SqlResponse {
  const { spec, code } = failure
  const status = spec.status === 413 || spec.status === 507 ? spec.status : 400
  return errorResponse(
    status,
    {
      message: failure.detail ?? neonMessages[code] ?? spec.says,
      code: spec.sqlstate,
      ...noFields,
      severity: 'ERROR',
      hint: `${code}: ${spec.hint ?? spec.says}`,
    },
    failureHeaders(failure),
  )
}

function internalResponse(): SqlResponse {
  return { ...failureResponse(new Failure('internal')), status: 500 }
}

function failureHeaders({ code, spec, retryAfterSeconds }: Failure): Record<string, string> {
  const challenge = toChallenge(code)
  if (challenge !== undefined) return { 'www-authenticate': challenge }
  const seconds = retryAfterSeconds ?? (spec.status === 503 ? 1 : undefined)
  return seconds === undefined ? {} : { 'retry-after': String(seconds) }
}

function errorResponse(status: number, fields: object, headers: Record<string, string> = {}): SqlResponse {
  return {
    status,
    headers: { 'content-type': 'application/json', ...headers },
    body: [Buffer.from(JSON.stringify(fields))],
  }
}

/** PostgreSQL has one SQLSTATE for both refusals; the routine that raised it tells them apart in every language. */
function refusalHint(error: PostgresError, writing: Writing | undefined): string | null {
  const { code, routine } = error
  if (code !== '42501') return null
  if (routine === 'ExecWithCheckOptions') return `policy_refused: ${policyHint(error, writing)}`
  if (routine === 'nextval_internal') {
    return 'grant_missing: A column that draws its value from a sequence needs USAGE on it, which the owner grants; an identity column needs none.'
  }
  if (routine?.startsWith('aclcheck_error')) return `grant_missing: ${failures.grant_missing.hint}`
  return null
}

const insertOrUpdate =
  'The policies for INSERT, or for UPDATE, do not let this identity write the row as it would be, or those for SELECT would not show it.'

const policyHints: Readonly<Record<Writing, string>> = {
  insert: 'The policies for INSERT do not let this identity write this row.',
  read_insert:
    'The policies for INSERT do not let this identity write this row, or those for SELECT would not show it: they count too where RETURNING or ON CONFLICT reads it.',
  update:
    'The policies for UPDATE do not let this identity write the row as it would be, or those for SELECT would not show it any more: they count too where WHERE, SET or RETURNING reads it.',
  upsert: insertOrUpdate,
  merge: insertOrUpdate,
}

/** The message tells only whether a row that was there is what was refused; `USING` stands in it in every language. */
function policyHint({ message, where }: PostgresError, writing: Writing | undefined): string {
  const ofRowThatWasThere = /\([^()"]*USING[^()"]*\)/.test(message)
  // In a function of the owner it is not the statement's own row.
  if (writing === undefined || where !== undefined) return failures.policy_refused.hint
  if (!ofRowThatWasThere) return policyHints[writing]
  return writing === 'merge'
    ? 'A row that MERGE has found is not one that this identity may update or delete.'
    : 'The row that is there already is hidden from this identity, or not one that it may update.'
}
