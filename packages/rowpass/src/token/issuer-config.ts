/** Which issuers are believed, and what of each. */
import { type Algorithm, isAlgorithm } from './algorithms.ts'
import { assertJwksUrl } from './jwks-url.ts'

/** One issuer that is trusted to say who somebody is. */
export interface TrustedIssuer {
  /** `iss`, compared character by character. */
  readonly iss: string
  /** Where its keys are published. */
  readonly jwksUrl: URL
  /** What `aud` must be or contain. */
  readonly audience: string
  /** The algorithms it may sign with; a key that names its own may be used with that one only. */
  readonly algorithms: readonly Algorithm[]
  /** The database role of its tokens, unless `roleClaim` is set. */
  readonly role: string
  /** The claim that names the database role; a token without it is refused. */
  readonly roleClaim?: string
  /** The roles that `roleClaim` may name. Not used without `roleClaim`. */
  readonly roles: readonly string[]
  /** The longest lifetime, `exp` − `iat`, in seconds. */
  readonly maxTtlSeconds: number
  /** The `typ` headers it may use, such as `at+jwt` (RFC 9068) or `JWT`; the empty text stands for a header without `typ`. */
  readonly typ: readonly string[]
}

/**
 * Checks the configuration of issuers, and gives copies of them by `iss`, so that a later change of the input has no
 * effect.
 *
 * @throws TypeError naming the issuer and the member that is wrong
 */
export function parseIssuers(
  issuers: readonly TrustedIssuer[],
  options: { readonly allowPrivateNetwork: boolean },
): Map<string, TrustedIssuer> {
  const byName = new Map<string, TrustedIssuer>()
  for (const issuer of issuers) {
    if (!isName(issuer.iss)) throw new TypeError('an issuer has no iss')
    if (byName.has(issuer.iss)) throw new TypeError(`the issuer ${issuer.iss} is configured twice`)
    const problem = problemOf(issuer)
    if (problem !== undefined) throw new TypeError(`the issuer ${issuer.iss}: ${problem}`)
    assertJwksUrl(issuer.jwksUrl, options)
    const { jwksUrl, algorithms, roles, typ } = issuer
    byName.set(issuer.iss, {
      ...issuer,
      jwksUrl: new URL(jwksUrl),
      algorithms: [...algorithms],
      roles: [...roles],
      typ: [...typ],
    })
  }
  return byName
}

function problemOf(issuer: TrustedIssuer): string | undefined {
  if (!isName(issuer.audience)) return 'audience is empty'
  if (issuer.algorithms.length === 0 || !issuer.algorithms.every(isAlgorithm)) return 'algorithms is empty or unknown'
  if (issuer.typ.length === 0) return 'typ is empty'
  if (!Number.isFinite(issuer.maxTtlSeconds) || issuer.maxTtlSeconds <= 0) return 'maxTtlSeconds is not above 0'
  if (issuer.roleClaim === undefined) return isRole(issuer.role) ? undefined : 'role is not a role name'
  if (!isName(issuer.roleClaim)) return 'roleClaim is empty'
  return issuer.roles.length > 0 && issuer.roles.every(isRole) ? undefined : 'roles is empty or holds no role name'
}

function isName(value: unknown): value is string {
  return typeof value === 'string' && value !== ''
}

/** PostgreSQL cuts identifiers at 63 bytes; two long names must not become one. */
function isRole(value: unknown): value is string {
  return isName(value) && new TextEncoder().encode(value).length <= 63 && !value.includes('\0')
}
