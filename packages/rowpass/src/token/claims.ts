/** What the claims of a token must say, once its signature is verified. */

import type { TrustedIssuer } from './issuer-config.ts'
import { TokenRefusal } from './refusal.ts'
import { maxSubjectLength, maxTokenIdLength } from './token-limits.ts'

/** The latest time that is believed: the end of the year 9999, in seconds. */
const maxNumericDate = 253_402_300_799

/** The claims that the gateway itself acts on. */
export interface CheckedClaims {
  readonly sub: string
  readonly jti: string | undefined
  /** Seconds since the epoch. */
  readonly exp: number
  readonly role: string
}

/** By what the claims are judged. */
export interface ClaimRules {
  readonly nowSeconds: number
  readonly skewSeconds: number
  /** Claims that must be a UUID where they are present, as policies cast them. */
  readonly uuidClaims: readonly string[]
}

/**
 * Checks the claims of a verified token, and finds the database role they give.
 *
 * `aud`, `sub`, `exp` and `iat` are required; `nbf` and `jti` are checked where present.
 * Does NOT check `iss`: it has already chosen the issuer.
 *
 * @throws TokenRefusal `audience`, `subject`, `token_id`, `uuid`, `time`, `lifetime`, `not_yet_valid`, `expired`, `role`
 * @see RFC 7519 §4.1, RFC 9068 §4
 */
export function checkClaims(
  claims: Readonly<Record<string, unknown>>,
  issuer: TrustedIssuer,
  rules: ClaimRules,
): CheckedClaims {
  checkAudience(claims.aud, issuer.audience)
  const sub = shortText(claims.sub, maxSubjectLength)
  if (sub === undefined) throw new TokenRefusal('subject', `"sub" is not a text of 1 to ${maxSubjectLength} characters`)
  const jti = shortText(claims.jti, maxTokenIdLength)
  if (jti === undefined && claims.jti !== undefined) throw new TokenRefusal('token_id', '"jti" is not a short text')
  for (const name of rules.uuidClaims) checkUuid(claims, name)
  const exp = checkTimes(claims, issuer.maxTtlSeconds, rules)
  return { sub, jti, exp, role: roleOf(claims, issuer) }
}

function checkAudience(aud: unknown, expected: string): void {
  const audiences: readonly unknown[] = Array.isArray(aud) ? aud : [aud]
  if (!audiences.every((audience) => typeof audience === 'string') || !audiences.includes(expected)) {
    throw new TokenRefusal('audience', '"aud" does not name this gateway')
  }
}

function shortText(value: unknown, maxLength: number): string | undefined {
  return typeof value === 'string' && value !== '' && value.length <= maxLength ? value : undefined
}

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i

function checkUuid(claims: Readonly<Record<string, unknown>>, name: string): void {
  const value = Object.hasOwn(claims, name) ? claims[name] : undefined
  if (value !== undefined && !(typeof value === 'string' && uuid.test(value))) {
    throw new TokenRefusal('uuid', `"${name}" is not a UUID`)
  }
}

function checkTimes(
  claims: Readonly<Record<string, unknown>>,
  maxTtlSeconds: number,
  { nowSeconds, skewSeconds }: ClaimRules,
): number {
  const exp = numericDate(claims.exp, 'exp')
  const iat = numericDate(claims.iat, 'iat')
  const nbf = claims.nbf === undefined ? iat : numericDate(claims.nbf, 'nbf')
  if (exp <= iat || exp - iat > maxTtlSeconds) {
    throw new TokenRefusal('lifetime', `"exp" is not within ${maxTtlSeconds} s after "iat"`)
  }
  if (Math.max(iat, nbf) > nowSeconds + skewSeconds) {
    throw new TokenRefusal('not_yet_valid', '"iat" or "nbf" is in the future')
  }
  if (exp + skewSeconds <= nowSeconds) throw new TokenRefusal('expired', '"exp" has passed')
  return exp
}

/** @see RFC 7519 §2: a number, which may have a fraction */
function numericDate(value: unknown, name: string): number {
  if (typeof value !== 'number' || !(value >= 0 && value <= maxNumericDate)) {
    throw new TokenRefusal('time', `"${name}" is not a time`)
  }
  return value
}

function roleOf(claims: Readonly<Record<string, unknown>>, { role, roleClaim, roles }: TrustedIssuer): string {
  if (roleClaim === undefined) return role
  const claimed = claims[roleClaim]
  if (typeof claimed !== 'string' || !roles.includes(claimed)) {
    throw new TokenRefusal('role', `"${roleClaim}" does not name a role that is allowed`)
  }
  return claimed
}
