/** What the claims of a token must say, once its signature is verified. */

import { type ClaimValue, claimAt, isOneOf, toSteps } from './claim-path.ts'
import type { TenantType, TrustedIssuer } from './issuer-settings.ts'
import { type Narrowing, readNarrowing } from './narrowing.ts'
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
  /** Until when the token is accepted: `exp`, and how far the clock of the issuer may differ. */
  readonly acceptedUntil: number
  readonly role: string
  readonly tenant: string | number | undefined
  readonly narrowing: Narrowing | undefined
}

type Claims = Readonly<Record<string, unknown>>
type Condition = readonly [name: string, steps: readonly string[], values: readonly ClaimValue[]]

/** The settings of an issuer with their paths taken apart, once. */
export interface ClaimRules {
  readonly issuer: TrustedIssuer
  readonly conditions: readonly Condition[]
  readonly tenantSteps: readonly string[]
  readonly roleSteps: readonly string[] | undefined
  readonly scopeSteps: readonly string[]
}

/** Prepares the settings of an issuer for {@link checkClaims}. */
export function toClaimRules(issuer: TrustedIssuer): ClaimRules {
  const { require = {}, tenantClaim, roleClaim, scopeClaim } = issuer
  return {
    issuer,
    conditions: Object.entries(require).map(([name, values]) => [name, toSteps(name), values]),
    tenantSteps: toSteps(tenantClaim),
    roleSteps: roleClaim === undefined ? undefined : toSteps(roleClaim),
    scopeSteps: toSteps(scopeClaim),
  }
}

/**
 * Checks the claims of a verified token, and finds the tenant and the database role they give, and what narrows it.
 *
 * `sub`, `exp`, and unless the settings say otherwise `aud` and `iat`, are required; `nbf` and `jti` are checked where
 * present. Does NOT check `iss`: it has already chosen the issuer.
 *
 * @throws TokenRefusal `audience`, `claim`, `subject`, `token_id`, `tenant`, `time`, `lifetime`, `not_yet_valid`,
 *   `expired`, `role`, `scope`
 * @see RFC 7519 §4.1, RFC 9068 §4
 */
export function checkClaims(claims: Claims, rules: ClaimRules, nowSeconds: number): CheckedClaims {
  const { issuer } = rules
  const mismatch = mismatchOf(claims, rules)
  if (mismatch !== undefined) throw mismatch
  const sub = shortText(claims.sub, maxSubjectLength)
  if (sub === undefined) throw new TokenRefusal('subject', `"sub" is not a text of 1 to ${maxSubjectLength} characters`)
  const jti = shortText(claims.jti, maxTokenIdLength)
  if (jti === undefined && claims.jti !== undefined) throw new TokenRefusal('token_id', '"jti" is not a short text')
  const tenant = tenantOf(claimAt(claims, rules.tenantSteps), issuer)
  const exp = checkTimes(claims, issuer, nowSeconds)
  const acceptedUntil = exp + issuer.leewaySeconds
  const narrowing = readNarrowing(claims.act, claimAt(claims, rules.scopeSteps), issuer)
  return { sub, jti, exp, acceptedUntil, tenant, role: roleOf(claims, rules), narrowing }
}

/**
 * Which condition of an issuer a token does not meet: the audience, or a claim that is required.
 *
 * @returns the refusal, or undefined when it meets them all
 */
export function mismatchOf(claims: Claims, { issuer, conditions }: ClaimRules): TokenRefusal | undefined {
  const { audience } = issuer
  if (audience && !hasAudience(claims.aud, audience))
    return new TokenRefusal('audience', '"aud" does not name this gateway')
  const unmet = conditions.find(([, steps, values]) => !isOneOf(claimAt(claims, steps), values))
  return unmet && new TokenRefusal('claim', `"${unmet[0]}" has none of the values that are required`)
}

function hasAudience(aud: unknown, expected: readonly string[]): boolean {
  const audiences: readonly unknown[] = Array.isArray(aud) ? aud : [aud]
  return audiences.every((audience) => typeof audience === 'string') && isOneOf(audiences, expected)
}

function shortText(value: unknown, maxLength: number): string | undefined {
  return typeof value === 'string' && value !== '' && value.length <= maxLength ? value : undefined
}

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i

const isTenant: Readonly<Record<TenantType, (value: unknown) => boolean>> = {
  uuid: (value) => typeof value === 'string' && uuid.test(value),
  text: (value) => typeof value === 'string',
  integer: (value) => Number.isSafeInteger(value) || (typeof value === 'string' && /^-?\d{1,19}$/.test(value)),
  any: () => true,
}

/** What requests count against is a text or a number; anything else is for the policies alone. */
function tenantOf(value: unknown, { tenantClaim, tenantType }: TrustedIssuer): string | number | undefined {
  if (value === undefined || value === null) return undefined
  if (!isTenant[tenantType](value)) {
    throw new TokenRefusal(
      'tenant',
      `"${tenantClaim}" is not of the type ${tenantType}: tenant_type of the issuer says which it may be`,
    )
  }
  return typeof value === 'string' || typeof value === 'number' ? value : undefined
}

function checkTimes(claims: Claims, issuer: TrustedIssuer, nowSeconds: number): number {
  const { maxTtlSeconds, leewaySeconds, iatOptional } = issuer
  const exp = numericDate(claims.exp, 'exp')
  const iat = iatOptional && claims.iat === undefined ? undefined : numericDate(claims.iat, 'iat')
  const nbf = claims.nbf === undefined ? (iat ?? 0) : numericDate(claims.nbf, 'nbf')
  // Without a beginning, what is left is limited.
  const lifetime = iat === undefined ? exp - nowSeconds - leewaySeconds : exp - iat
  if ((iat !== undefined && lifetime <= 0) || lifetime > maxTtlSeconds) {
    throw new TokenRefusal(
      'lifetime',
      `"exp" is not within ${maxTtlSeconds} s after ${iat === undefined ? 'now' : '"iat"'}`,
    )
  }
  if (Math.max(iat ?? 0, nbf) > nowSeconds + leewaySeconds) {
    throw new TokenRefusal('not_yet_valid', '"iat" or "nbf" is in the future')
  }
  if (exp + leewaySeconds <= nowSeconds) throw new TokenRefusal('expired', '"exp" has passed')
  return exp
}

/** @see RFC 7519 §2: a number, which may have a fraction */
function numericDate(value: unknown, name: string): number {
  if (typeof value !== 'number' || !(value >= 0 && value <= maxNumericDate)) {
    throw new TokenRefusal('time', `"${name}" is not a time`)
  }
  return value
}

function roleOf(claims: Claims, { issuer, roleSteps }: ClaimRules): string {
  if (roleSteps === undefined) return issuer.role
  const claimed = claimAt(claims, roleSteps)
  const allowed = issuer.roles.find((role) => isOneOf(claimed, [role]))
  if (allowed === undefined)
    throw new TokenRefusal('role', `"${issuer.roleClaim}" does not name a role that is allowed`)
  return allowed
}
