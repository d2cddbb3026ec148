/**
 * Says who sent a request: a token in, the identity it proves out, or a refusal.
 * Nothing in a token is believed before its signature is verified with a key of the issuer it names.
 */
import type { Emit } from '../events.ts'
import { toAlgorithm } from './algorithms.ts'
import { checkClaims } from './claims.ts'
import { type CompactToken, parseCompact, toMediaType } from './compact.ts'
import { maxFreshMs, minFreshMs } from './fetch-jwks.ts'
import { parseIssuers, type TrustedIssuer } from './issuer-config.ts'
import type { KeySet } from './key-set.ts'
import { type RefusedToken, TokenRefusal, toFailure } from './refusal.ts'
import { createRemoteKeys, type RemoteKeys } from './remote-keys.ts'
import { type VerifyOperation, verifySignature, webCryptoVerify } from './signature.ts'
import { createTokenCache } from './token-cache.ts'
import { maxTokenLength } from './token-limits.ts'

export type { TrustedIssuer } from './issuer-config.ts'
export type { VerifyOperation } from './signature.ts'

/** Who a token says its bearer is. Frozen in depth, as requests with one token share it. */
export interface VerifiedToken {
  readonly iss: string
  readonly sub: string
  readonly kid: string
  readonly jti: string | undefined
  /** Seconds since the epoch; may have a fraction. */
  readonly exp: number
  /** The database role, from the configuration of the issuer. */
  readonly role: string
  readonly claims: Readonly<Record<string, unknown>>
  /** The payload exactly as it was signed, and a text that PostgreSQL accepts as `jsonb`. */
  readonly claimsJson: string
}

/** Verifies tokens of the configured issuers. */
export interface Verifier {
  /**
   * Verifies one token.
   *
   * A token that was verified before is answered at once, without a promise; its expiry and the keys of its issuer are
   * looked at each time.
   * Does NOT ask whether the token was revoked: the database does.
   *
   * @throws Failure (or rejects with) `token_missing`, `token_expired`, `role_refused`, and for all else `token_invalid`;
   *   the `cause` is a `TokenRefusal`
   */
  verify(token: string): VerifiedToken | Promise<VerifiedToken>
  /**
   * Puts other issuers in place, or the same once more. Verified tokens are forgotten, and each issuer is asked for its
   * keys before one is used again; one that does not answer then keeps its keys, where issuer, URL and algorithms are the
   * same.
   *
   * @throws TypeError when the configuration is wrong; then nothing has changed
   */
  replaceIssuers(issuers: readonly TrustedIssuer[]): void
}

/** What a verifier takes from outside. */
export interface VerifierOptions {
  /** SHA-256 of the UTF-8 text, in any encoding that is one to one. Synchronous, for the fast path. */
  readonly sha256: (text: string) => string
  /** Default WebCrypto's. For Node there is a quicker one, `nodeVerify` of `rowpass/gateway`. */
  readonly verifyOperation?: VerifyOperation
  /** Default the global `fetch`. */
  readonly fetch?: typeof fetch
  /** The time in milliseconds. Default `Date.now`. */
  readonly now?: () => number
  readonly emit?: Emit
  /** How many verified tokens are remembered. Default 10,000, about 2 KiB each; 0 remembers none. */
  readonly cacheSize?: number
  /** How far clocks may differ, 0 to 60. Default 30. */
  readonly skewSeconds?: number
  /** Claims that must be a UUID where present. Default `tenant_id`. */
  readonly uuidClaims?: readonly string[]
  /** How long keys are used when their issuer does not answer, from 600 to 86,400. Default 3600. */
  readonly maxStaleSeconds?: number
  /** The shortest time for which keys are kept, whatever the issuer says, from 1. Default 30. */
  readonly minFreshSeconds?: number
  /** The longest, up to 86,400: it bounds how long a key goes on that its issuer has removed. Default 600. */
  readonly maxFreshSeconds?: number
  /** Whether keys may come from private addresses and names, there also by `http`. Default false. */
  readonly allowPrivateNetwork?: boolean
}

interface Issuer {
  readonly config: TrustedIssuer
  readonly typ: ReadonlySet<string>
  readonly keys: RemoteKeys
}

interface CacheEntry {
  readonly issuer: Issuer
  /** The keys that were in force when the token was verified. */
  readonly set: KeySet
  readonly expiresAtMs: number
  readonly verified: VerifiedToken
}

/**
 * Makes a verifier for some issuers.
 *
 * Fetches nothing until the first token of an issuer comes.
 *
 * @throws TypeError when an issuer or an option is wrong
 * @see RFC 8725, RFC 9068 §4
 * @example
 * const sha256 = (text: string) => createHash('sha256').update(text).digest('base64')
 * const verifier = createVerifier([issuer], { sha256 })
 * const { sub, role, claimsJson } = await verifier.verify(token)
 */
export function createVerifier(issuers: readonly TrustedIssuer[], options: VerifierOptions): Verifier {
  const settings = parseOptions(options)
  const { sha256, verifyOperation, now, emit, skewSeconds, uuidClaims } = settings
  const cache = createTokenCache<CacheEntry>(settings.cacheSize)
  let byName = connect(issuers, settings, new Map())

  function verify(token: string): VerifiedToken | Promise<VerifiedToken> {
    if (typeof token !== 'string' || token.length > maxTokenLength) return verifyNew(token, '')
    const digest = sha256(token)
    const entry = cache.get(digest)
    if (entry === undefined) return verifyNew(token, digest)
    const nowMs = now()
    const inForce = entry.issuer.keys.current(nowMs)
    if (inForce === entry.set && nowMs < entry.expiresAtMs) return entry.verified
    if (inForce !== undefined) cache.delete(digest)
    return verifyNew(token, digest)
  }

  async function verifyNew(token: string, digest: string): Promise<VerifiedToken> {
    let about: RefusedToken = {}
    try {
      const parsed = parseCompact(token)
      about = { kid: parsed.kid }
      const issuer = issuerOf(parsed, byName)
      about = { kid: parsed.kid, iss: issuer.config.iss }
      const found = issuer.keys.find(parsed.kid)
      const { set, key } = found instanceof Promise ? await found : found
      await verifySignature(parsed, key, verifyOperation)
      const rules = { nowSeconds: now() / 1000, skewSeconds, uuidClaims }
      const { sub, jti, exp, role } = checkClaims(parsed.claims, issuer.config, rules)
      const { kid, claims, claimsJson } = parsed
      freezeDeep(claims)
      const verified = Object.freeze({ iss: issuer.config.iss, sub, kid, jti, exp, role, claims, claimsJson })
      const expiresAtMs = (exp + skewSeconds) * 1000
      // Not when the issuers were replaced meanwhile: the next request is judged by the new ones.
      if (settings.cacheSize > 0 && byName.get(verified.iss) === issuer) {
        cache.set(digest, { issuer, set, expiresAtMs, verified })
      }
      return verified
    } catch (error) {
      throw toFailure(error, about, emit)
    }
  }

  return {
    verify,
    replaceIssuers(next) {
      byName = connect(next, settings, byName)
      for (const { keys } of byName.values()) keys.distrust()
      cache.clear()
    },
  }
}

type Settings = Required<Omit<VerifierOptions, 'emit'>> & { readonly emit: Emit | undefined }

function parseOptions(options: VerifierOptions): Settings {
  const { skewSeconds = 30, cacheSize = 10_000, maxStaleSeconds = 3600, emit } = options
  const { minFreshSeconds = minFreshMs / 1000, maxFreshSeconds = maxFreshMs / 1000 } = options
  if (typeof options.sha256 !== 'function') throw new TypeError('sha256 is not a function')
  if (!(skewSeconds >= 0 && skewSeconds <= 60)) throw new TypeError('skewSeconds is not from 0 to 60')
  if (!(Number.isInteger(cacheSize) && cacheSize >= 0)) throw new TypeError('cacheSize is not a whole number from 0')
  if (!(maxStaleSeconds >= 600 && maxStaleSeconds <= 86_400)) {
    throw new TypeError('maxStaleSeconds is not from 600 to 86400')
  }
  if (!(minFreshSeconds >= 1 && minFreshSeconds <= maxFreshSeconds && maxFreshSeconds <= 86_400)) {
    throw new TypeError('minFreshSeconds and maxFreshSeconds are not from 1 to 86400, in this order')
  }
  return {
    sha256: options.sha256,
    verifyOperation: options.verifyOperation ?? webCryptoVerify,
    fetch: options.fetch ?? ((...request) => fetch(...request)),
    now: options.now ?? Date.now,
    emit,
    cacheSize,
    skewSeconds,
    uuidClaims: [...(options.uuidClaims ?? ['tenant_id'])],
    maxStaleSeconds,
    minFreshSeconds,
    maxFreshSeconds,
    allowPrivateNetwork: options.allowPrivateNetwork ?? false,
  }
}

function connect(
  issuers: readonly TrustedIssuer[],
  settings: Settings,
  before: ReadonlyMap<string, Issuer>,
): ReadonlyMap<string, Issuer> {
  const connected = new Map<string, Issuer>()
  for (const [iss, config] of parseIssuers(issuers, settings)) {
    const known = before.get(iss)
    const keys = known !== undefined && sameKeys(known.config, config) ? known.keys : openKeys(config, settings)
    connected.set(iss, { config, typ: new Set(config.typ.map(toMediaType)), keys })
  }
  return connected
}

function sameKeys(a: TrustedIssuer, b: TrustedIssuer): boolean {
  return a.jwksUrl.href === b.jwksUrl.href && JSON.stringify(a.algorithms) === JSON.stringify(b.algorithms)
}

function openKeys({ iss, jwksUrl, algorithms }: TrustedIssuer, settings: Settings): RemoteKeys {
  const { fetch, now, emit, maxStaleSeconds, minFreshSeconds, maxFreshSeconds } = settings
  const freshLimits = { minMs: minFreshSeconds * 1000, maxMs: maxFreshSeconds * 1000 }
  const maxStaleMs = maxStaleSeconds * 1000
  return createRemoteKeys({ iss, url: jwksUrl, algorithms, fetch, now, emit, maxStaleMs, freshLimits })
}

/** Chooses the issuer by the unverified `iss`; from here on only this issuer's keys and rules count. */
function issuerOf({ claims, typ, alg }: CompactToken, byName: ReadonlyMap<string, Issuer>): Issuer {
  const issuer = typeof claims.iss === 'string' ? byName.get(claims.iss) : undefined
  if (issuer === undefined) throw new TokenRefusal('issuer', '"iss" is not an issuer that is configured')
  if (!issuer.typ.has(typ)) throw new TokenRefusal('typ', '"typ" is not allowed for this issuer')
  const algorithm = toAlgorithm(alg)
  if (algorithm === undefined || !issuer.config.algorithms.includes(algorithm)) {
    throw new TokenRefusal('algorithm', '"alg" is not allowed for this issuer')
  }
  return issuer
}

function freezeDeep(value: object): void {
  for (const member of Object.values(value)) if (typeof member === 'object' && member !== null) freezeDeep(member)
  Object.freeze(value)
}
