/** The token of a request, from the one place where it may be, and the challenge that answers a refusal. */
import { Failure, type FailureCode } from '../errors.ts'

/** What nearly every client sends: read in half the time of what is allowed besides. */
const usual = /^Bearer [A-Za-z0-9._~+/-]+=*$/

/**
 * Takes the token out of the `Authorization` header.
 *
 * Looks nowhere else: a token in a query string ends up in logs. The scheme is `Bearer` in any case (RFC 9110 §11.1).
 * Does NOT verify the token.
 *
 * @param values each `Authorization` header of the request. A platform that joins or drops repeated headers must give
 *   what it has: a joined pair is found by its comma.
 * @throws Failure `token_missing` when there is no header or its scheme is another
 * @throws Failure `request_invalid` when there are two headers
 * @throws Failure `token_invalid` when what follows `Bearer` is not one token
 * @see RFC 6750 §2.1
 * @example
 * const token = parseBearer(request.headers.get('authorization'))
 */
export function parseBearer(values: string | readonly string[] | null | undefined): string {
  if (typeof values === 'string' && usual.test(values)) return values.slice('Bearer '.length)
  const [value, ...more] = typeof values === 'string' ? [values] : (values ?? [])
  if (value === undefined) throw new Failure('token_missing')
  if (more.length > 0 || value.includes(',')) {
    throw new Failure('request_invalid', { detail: 'There is more than one Authorization header' })
  }
  const [, scheme, credentials = ''] = /^([^ ]+)(?: +(.*))?$/.exec(value) ?? []
  if (scheme?.toLowerCase() !== 'bearer') throw new Failure('token_missing')
  const token = /^[A-Za-z0-9._~+/-]+=*$/.exec(credentials)?.[0]
  if (token === undefined) throw new Failure('token_invalid', { cause: new Error('the credentials are not one token') })
  return token
}

/**
 * The `WWW-Authenticate` header that goes with a refusal.
 *
 * It names no more than the client may know, and no error at all when no token was sent.
 *
 * @returns undefined for a failure that has nothing to do with the token
 * @see RFC 6750 §3
 * @example
 * const challenge = toChallenge('token_expired')
 * if (challenge !== undefined) response.headers.set('www-authenticate', challenge)
 */
export function toChallenge(code: FailureCode): string | undefined {
  switch (code) {
    case 'token_missing':
      return 'Bearer'
    case 'token_invalid':
    case 'token_expired':
    case 'session_revoked':
      return 'Bearer error="invalid_token"'
    case 'role_refused':
      return 'Bearer error="insufficient_scope"'
    default:
      return undefined
  }
}
