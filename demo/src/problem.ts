/**
 * Renders failures as problem details (RFC 9457), the one error shape of the API.
 */
import type { Context } from 'hono'
import type { Failure } from 'rowpass'
import { ZodError } from 'zod'
import type { ApiEnv } from './app-env.ts'

/**
 * Answers a failure.
 *
 * `code` is stable and tells the failures apart; `request_id` finds the log line. The cause stays inside, but for the
 * places of bad input. `internal` says nothing else.
 */
export function renderProblem(c: Context<ApiEnv>, failure: Failure): Response {
  const { status, says, hint } = { hint: undefined, ...failure.spec }
  if (status >= 500) log(c, failure)
  const body = {
    type: `urn:rowpass:problem:${failure.code}`,
    title: says,
    status,
    code: failure.code,
    detail: failure.detail,
    hint,
    errors: failure.cause instanceof ZodError ? toPlaces(failure.cause) : undefined,
    request_id: c.get('requestId'),
  }
  return c.body(JSON.stringify(body), status, {
    'Content-Type': 'application/problem+json',
    'Cache-Control': 'no-store',
    ...headersOf(failure),
  })
}

function headersOf({ code, retryAfterSeconds }: Failure): Record<string, string> {
  switch (code) {
    // RFC 6750 §3.1: no error code when no token was sent.
    case 'token_missing':
      return { 'WWW-Authenticate': 'Bearer realm="rowpass"' }
    case 'token_invalid':
      return { 'WWW-Authenticate': challenge('The token was refused') }
    case 'token_expired':
      return { 'WWW-Authenticate': challenge('The token has expired') }
    case 'session_revoked':
      return { 'WWW-Authenticate': challenge('The session has been ended') }
    case 'attempts_exceeded':
    case 'password_queue_full':
      return { 'Retry-After': String(retryAfterSeconds ?? 60) }
    case 'overloaded':
    case 'database_unavailable':
      return { 'Retry-After': '1' }
    default:
      return {}
  }
}

function challenge(description: string): string {
  return `Bearer realm="rowpass", error="invalid_token", error_description="${description}"`
}

/** Where the input is wrong, as JSON pointers (RFC 6901); zod's messages do not repeat the value. */
function toPlaces({ issues }: ZodError) {
  return issues.map(({ path, message }) => ({
    pointer: `#${path.map((key) => `/${String(key)}`).join('')}`,
    detail: message,
  }))
}

/** One line for the operator. Never the message of a database error: it may hold values of a row. */
function log(c: Context<ApiEnv>, { code, cause }: Failure): void {
  const sqlstate = cause instanceof Error && 'code' in cause ? cause.code : undefined
  const error = cause instanceof Error && sqlstate === undefined ? (cause.stack ?? cause.message) : undefined
  console.error(JSON.stringify({ type: 'request_failed', requestId: c.get('requestId'), code, sqlstate, error }))
}
