/**
 * Says who sent a request: a token in, the identity it proves out, or a refusal.
 * Nothing in a token is believed before its signature is verified with a key of the issuer it names.
 */

import { sha256 as nobleSha256 } from '@noble/hashes/sha2.js'
import { OptionError } from '../errors.ts'
import type { Emit } from '../events.ts'
import { toAlgorithm } from './algorithms.ts'
import { toBase64Url } from './base64url.ts'
import { type ClaimRules, checkClaims, mismatchOf, toClaimRules } from './claims.ts'
import { type CompactToken, parseCompact, toMediaType } from './compact.ts'
import { maxFreshMs, minFreshMs } from './fetch-jwks.ts'
import {
  describeAlgorithm,
  type IssuerSettings,
  loosenings,
  parseIssuers,
  type TrustedIssuer,
} from './issuer-settings.ts'
import type { KeySet } from './key-set.ts'
import { type RefusedToken, TokenRefusal, toFailure } from './refusal.ts'
import { createRemoteKeys, type RemoteKeys } from './remote-keys.ts'
import { type VerifyOperation, verifySignature, webCryptoVerify } from './signature.ts'
import { createTokenCache } from './token-cache.ts'
import { maxForeignTokenLength } from './token-limits.ts'
import { markVerified, type VerifiedToken } from './verified-token.ts'

export type { IssuerSettings, TrustedIssuer } from './issuer-settings.ts'
export type { VerifyOperation } from './signature.ts'
export type { VerifiedToken } from './verified-token.ts'

/** Verifies tokens of the configured issuers. */
export interface Verifier {
  /**
   * Verifies one token.
   *
   * A token that was verified before is answered at once, without a promise; its expiry and the keys of its issuer are
   * looked at each time.
   * Does NOT ask whether the token was revoked: the database does.
   *
   * @throws Failure (or rejects with) `token_missing`, `token_expired`, `role_refused`, `keys_unavailable`, and for all else
   *   `token_invalid`; the `cause` is a `TokenRefusal`
   */
  verify(token: string): VerifiedToken | Promise<VerifiedToken>
  /**
   * Puts other issuers in place, or the same once more. Verified tokens are forgotten, and each issuer is asked for its
   * keys before one is used again; one that does not answer then keeps its keys, where issuer, URL and algorithms are the
   * same.
   *
   * @throws OptionError when the configuration is wrong; then nothing has changed
   */
  replaceIssuers(issuers: readonly IssuerSettings[]): void
}

/** What a verifier takes from outside. */
export interface VerifierOptions {
  /**
   * SHA-256 of the UTF-8 text, in any encoding that is one to one, synchronous. Default one in JavaScript; that of the
   * runtime is quicker, such as `hash` of `node:crypto`.
   */
  readonly sha256?: (text: string) => string
  /** Default WebCrypto's. For Node there is a quicker one, `nodeVerify` of `rowpass/gateway`. */
  readonly verifyOperation?: VerifyOperation
  /** Default the global `fetch`. */
  readonly fetch?: typeof fetch
  /** The time in milliseconds. Default `Date.now`. */
  readonly now?: () => number
  readonly emit?: Emit
  /** How many verified tokens are remembered. Default 10,000, about 2 KiB each; 0 remembers none. */
  readonly cacheSize?: number
  /** How long keys are used when their issuer does not answer, from 600 to 86,400. Default 3600. */
  readonly maxStaleSeconds?: number
  /** The shortest time for which keys are kept, whatever the issuer says, from 1. Default 30. */
  readonly minFreshSeconds?: number
  /** The longest, up to 86,400: it bounds how long a key goes on that its issuer has removed. Default 600. */
  readonly maxFreshSeconds?: number
  /** Whether keys may come from private addresses and names, there also by `http`. Default false. */
  readonly allowPrivateNetwork?: boolean
}

/** The settings of one issuer alone, and how they are applied. */
export type SingleIssuer = Omit<IssuerSettings, 'iss'> & VerifierOptions & { readonly issuer: string }

interface Issuer {
  readonly config: TrustedIssuer
  readonly rules: ClaimRules
  readonly typ: ReadonlySet<string>
  readonly keys: RemoteKeys
  /** Equal for entries that share their keys. */
  readonly keysId: string
}

/** The entries of each `iss`, in their order. */
type Issuers = ReadonlyMap<string, readonly Issuer[]>

interface CacheEntry {
  readonly issuer: Issuer
  /** The keys that were in force when the token was verified. */
  readonly set: KeySet
  readonly expiresAtMs: number
  readonly verified: VerifiedToken
}

/**
 * Makes a verifier for some issuers, or for one.
 *
 * Fetches nothing until the first token of an issuer comes. Of several entries with one `iss`, the first counts that a
 * token fits. Emits `issuer_loosened` for each entry that gives up something.
 *
 * @throws OptionError when an issuer or an option is wrong
 * @see RFC 8725, RFC 9068 §4
 * @example
 * const verifier = createVerifier({ issuer: 'https://id.example.com', audience: 'https://api.example.com' })
 * const { sub, role, claimsJson } = await verifier.verify(token)
 */
export function createVerifier(issuer: SingleIssuer): Verifier
export function createVerifier(issuers: readonly IssuerSettings[], options?: VerifierOptions): Verifier
export function createVerifier(
  given: SingleIssuer | readonly IssuerSettings[],
  options: VerifierOptions = {},
): Verifier {
  if (!isList(given)) return createVerifier(...separate(given))
  const settings = parseOptions(options)
  const { sha256, verifyOperation, now, emit } = settings
  const cache = createTokenCache<CacheEntry>(settings.cacheSize)
  let byName = connect(given, settings, new Map())

  function verify(token: string): VerifiedToken | Promise<VerifiedToken> {
    if (typeof token !== 'string' || token.length > maxForeignTokenLength) return verifyNew(token, '')
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
      about = parsed.kid === '' ? {} : { kid: parsed.kid }
      const issuer = issuerOf(parsed, byName)
      about = { ...about, iss: issuer.config.iss }
      const found = issuer.keys.find(parsed.kid)
      const { set, key } = found instanceof Promise ? await found : found
      await verifySignature(parsed, key, verifyOperation)
      const checked = checkClaims(parsed.claims, issuer.rules, now() / 1000)
      const { kid, claims, claimsJson } = parsed
      freezeDeep(claims)
      const verified = markVerified(Object.freeze({ iss: issuer.config.iss, kid, ...checked, claims, claimsJson }))
      const expiresAtMs = checked.acceptedUntil * 1000
      // Not when the issuers were replaced meanwhile: the next request is judged by the new ones.
      if (settings.cacheSize > 0 && byName.get(verified.iss)?.includes(issuer)) {
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
      for (const { keys } of [...byName.values()].flat()) keys.distrust()
      cache.clear()
    },
  }
}

type Settings = Required<Omit<VerifierOptions, 'emit'>> & { readonly emit: Emit | undefined }

const optionNames = [
  'sha256',
  'verifyOperation',
  'fetch',
  'now',
  'emit',
  'cacheSize',
  'maxStaleSeconds',
  'minFreshSeconds',
  'maxFreshSeconds',
  'allowPrivateNetwork',
] as const satisfies readonly (keyof VerifierOptions)[]

function isList(given: SingleIssuer | readonly IssuerSettings[]): given is readonly IssuerSettings[] {
  return Array.isArray(given)
}

function separate({ issuer, ...given }: SingleIssuer): [readonly IssuerSettings[], VerifierOptions] {
  const isOption = ([name]: readonly [string, unknown]) => (optionNames as readonly string[]).includes(name)
  const members = Object.entries(given)
  const settings = Object.fromEntries(members.filter((member) => !isOption(member)))
  return [[{ ...settings, iss: issuer }], Object.fromEntries(members.filter(isOption))]
}

const encoder = new TextEncoder()

function parseOptions(options: VerifierOptions): Settings {
  const { cacheSize = 10_000, maxStaleSeconds = 3600, emit } = options
  const { minFreshSeconds = minFreshMs / 1000, maxFreshSeconds = maxFreshMs / 1000 } = options
  const { sha256 = (text: string) => toBase64Url(nobleSha256(encoder.encode(text))) } = options
  if (typeof sha256 !== 'function') throw new OptionError('sha256 is not a function')
  if (!(Number.isInteger(cacheSize) && cacheSize >= 0)) throw new OptionError('cacheSize is not a whole number from 0')
  if (!(maxStaleSeconds >= 600 && maxStaleSeconds <= 86_400)) {
    throw new OptionError('maxStaleSeconds is not from 600 to 86400')
  }
  if (!(minFreshSeconds >= 1 && minFreshSeconds <= maxFreshSeconds && maxFreshSeconds <= 86_400)) {
    throw new OptionError('minFreshSeconds and maxFreshSeconds are not from 1 to 86400, in this order')
  }
  return {
    sha256,
    verifyOperation: options.verifyOperation ?? webCryptoVerify,
    fetch: options.fetch ?? ((...request) => fetch(...request)),
    now: options.now ?? Date.now,
    emit,
    cacheSize,
    maxStaleSeconds,
    minFreshSeconds,
    maxFreshSeconds,
    allowPrivateNetwork: options.allowPrivateNetwork ?? false,
  }
}

function connect(given: readonly IssuerSettings[], settings: Settings, before: Issuers): Issuers {
  const keys = new Map([...before.values()].flat().map((issuer) => [issuer.keysId, issuer.keys]))
  const connected = new Map<string, Issuer[]>()
  for (const config of parseIssuers(given, settings)) {
    const { iss, jwksUrl, algorithms, maxJwksBytes } = config
    const keysId = JSON.stringify([iss, jwksUrl?.href, algorithms, maxJwksBytes])
    const opened = keys.get(keysId) ?? openKeys(config, settings)
    keys.set(keysId, opened)
    const issuer = {
      config,
      rules: toClaimRules(config),
      typ: new Set(config.typ.map(toMediaType)),
      keys: opened,
      keysId,
    }
    connected.set(iss, [...(connected.get(iss) ?? []), issuer])
    const givesUp = loosenings(config)
    if (Object.keys(givesUp).length > 0) settings.emit?.({ type: 'issuer_loosened', iss, givesUp })
  }
  return connected
}

function openKeys(
  { iss, jwksUrl: url, algorithms, maxJwksBytes: maxBytes }: TrustedIssuer,
  settings: Settings,
): RemoteKeys {
  const { fetch, now, emit, maxStaleSeconds, minFreshSeconds, maxFreshSeconds, allowPrivateNetwork } = settings
  const freshLimits = { minMs: minFreshSeconds * 1000, maxMs: maxFreshSeconds * 1000 }
  const maxStaleMs = maxStaleSeconds * 1000
  const limits = { maxBytes, maxStaleMs, freshLimits, allowPrivateNetwork }
  return createRemoteKeys({ iss, url, algorithms, fetch, now, emit, ...limits })
}

/**
 * Chooses the entry by the unverified `iss`, and where it has several, by what they ask of the claims; from here on only
 * the keys and the rules of this entry count.
 */
function issuerOf({ claims, typ, alg, length }: CompactToken, byName: Issuers): Issuer {
  const entries = typeof claims.iss === 'string' ? byName.get(claims.iss) : undefined
  const issuer = entries?.find(({ rules }) => mismatchOf(claims, rules) === undefined) ?? entries?.[0]
  if (issuer === undefined) throw new TokenRefusal('issuer', '"iss" is not an issuer that is configured')
  const { maxTokenBytes, algorithms } = issuer.config
  if (length > maxTokenBytes) {
    throw new TokenRefusal(
      'size',
      `the token has ${length} characters: max_token_bytes of the issuer is ${maxTokenBytes}`,
    )
  }
  if (!issuer.typ.has(typ))
    throw new TokenRefusal('typ', `"typ" is not allowed for this issuer: its list has no ${describeTyp(typ)}`)
  const algorithm = toAlgorithm(alg)
  if (algorithm === undefined) throw new TokenRefusal('algorithm', `"alg" is not accepted: ${describeAlgorithm(alg)}`)
  if (!algorithms.includes(algorithm)) {
    throw new TokenRefusal('algorithm', `"alg" is ${algorithm}, which is not in "algorithms" of this issuer`)
  }
  return issuer
}

/** What the sender wrote is quoted only where it is a media type as they are. */
function describeTyp(typ: string): string {
  return /^[a-z0-9.+-]{1,40}$/.test(typ) ? `"${typ}"` : typ === '' ? '"", which stands for none' : 'such type'
}

function freezeDeep(value: object): void {
  for (const member of Object.values(value)) if (typeof member === 'object' && member !== null) freezeDeep(member)
  Object.freeze(value)
}
