/**
 * What an OAuth endpoint refuses, and how it says so (RFC 6749 §5.2).
 */

/** Codes of refusals, with the status of each. Those after the first six are RFC 8693's, RFC 7009's, and two for load. */
const statuses = {
  invalid_request: 400,
  invalid_client: 401,
  invalid_grant: 400,
  unauthorized_client: 400,
  unsupported_grant_type: 400,
  invalid_scope: 400,
  invalid_target: 400,
  unsupported_token_type: 400,
  temporarily_unavailable: 503,
  too_many_attempts: 429,
} as const satisfies Record<string, number>

/** The code of one refusal, as the client reads it in `error`. */
export type OAuthErrorCode = keyof typeof statuses

/** A refusal that the client is told. The message holds nothing that the client has sent. */
export class OAuthError extends Error {
  override readonly name = 'OAuthError'
  readonly code: OAuthErrorCode
  /** Seconds to wait, where waiting helps. */
  readonly retryAfterSeconds: number | undefined

  constructor(code: OAuthErrorCode, description: string, retryAfterSeconds?: number) {
    super(description)
    this.code = code
    this.retryAfterSeconds = retryAfterSeconds
  }
}

/** Answers a refusal. `error_description` is for developers, not for the people who use the application. */
export function toErrorResponse(error: OAuthError): Response {
  const headers: Record<string, string> = {}
  // RFC 7235 §3.1 asks for it on every 401; Basic is the scheme that clients may use here.
  if (error.code === 'invalid_client') headers['WWW-Authenticate'] = 'Basic realm="rowpass", charset="UTF-8"'
  if (error.retryAfterSeconds !== undefined) headers['Retry-After'] = String(error.retryAfterSeconds)
  return toResponse({ error: error.code, error_description: error.message }, statuses[error.code], headers)
}

/** An answer that no cache may keep (RFC 6749 §5.1). */
export function toResponse(body: object | undefined, status = 200, headers: Record<string, string> = {}): Response {
  return new Response(body === undefined ? null : JSON.stringify(body), {
    status,
    headers: {
      ...(body !== undefined && { 'Content-Type': 'application/json' }),
      'Cache-Control': 'no-store',
      Pragma: 'no-cache',
      ...headers,
    },
  })
}
