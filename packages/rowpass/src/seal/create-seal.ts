/**
 * Seals identities inside an application, which then needs no gateway: with WebCrypto, so on Workers, Node, Deno and Bun.
 */
import { OptionError } from '../errors.ts'
import { createTokenCache } from '../token/token-cache.ts'
import { isVerifiedToken, sealedUntil, type VerifiedToken } from '../token/verified-token.ts'
import { draftSeal, type RequestIdentity, type SealedIdentity, type SealKey, toSessionId } from './form.ts'
import { parseSealKeys } from './key-text.ts'

/** Claims that the application vouches for, as those of a session of its own or of a token that it has verified. */
export interface SealableClaims {
  /** Seconds since the epoch: PostgreSQL refuses the seal a minute later. */
  readonly exp: number
  readonly [name: string]: unknown
}

/** What an application seals with. */
export interface SealOptions {
  /**
   * Seal keys, `name:secret[,name:secret…]` as `rowpass db seal-keys --new` prints them, or read already. The first one
   * seals. To replace it, see `rowpass db seal-keys --help`.
   */
  readonly keys: string | readonly SealKey[]
  /** The database role of claims; a verified token brings its own. Default `authenticated`. */
  readonly role?: string
  /** How many sealed identities are remembered. Default 1,000; 0 remembers none. */
  readonly cacheSize?: number
  /**
   * Whether verified tokens that are narrowed are sealed. PostgreSQL does not hold them to their scopes, which the gateway
   * does: your policies have to, by `auth.actor()` and `auth.has_scope()`. Default false.
   */
  readonly allowNarrowed?: boolean
}

/**
 * Seals an identity: what `createVerifier` of `rowpass/verify` has verified, or claims of which the application knows that
 * they are true.
 *
 * Does NOT look whether the claims have expired: PostgreSQL does.
 *
 * @throws OptionError (rejects with) for claims without a number `exp`, and for a verified token that is narrowed, unless
 *   `allowNarrowed` says otherwise: an application that may get such tokens asks for `narrowing` first
 */
export type Seal = (who: VerifiedToken | SealableClaims) => Promise<RequestIdentity>

/**
 * Makes the function that seals. The same claims are sealed once, as long as they are remembered.
 *
 * The keys are secrets of the application: whoever has one can be anyone.
 *
 * @throws OptionError when a key, the role or the size is wrong; no secret is in the message
 * @see RFC 2104
 * @example
 * const seal = createSeal({ keys: process.env.ROWPASS_SEAL_KEYS ?? '' })
 * const identity = await seal({ sub: user.id, exp: Math.floor(Date.now() / 1000) + 60 })
 */
export function createSeal({
  keys,
  role = 'authenticated',
  cacheSize = 1_000,
  allowNarrowed = false,
}: SealOptions): Seal {
  const [key] = readKeys(keys)
  if (role === '' || role.includes(':')) throw new OptionError('role is not the name of a role without a colon')
  if (!(Number.isInteger(cacheSize) && cacheSize >= 0)) throw new OptionError('cacheSize is not a whole number from 0')
  const cache = createTokenCache<Promise<RequestIdentity>>(cacheSize)
  const sign = createSigner(key)

  return async (who) => {
    if (isVerifiedToken(who) && who.narrowing !== undefined && !allowNarrowed) {
      throw new OptionError('a narrowed token is for the gateway, which holds it to its scopes; see allowNarrowed')
    }
    const identity = isVerifiedToken(who)
      ? { role: who.role, exp: sealedUntil(who), claimsJson: who.claimsJson, sid: who.claims.sid }
      : toIdentity(who, role)
    // No role that is sealed has a colon, and a number has none.
    const name = `${identity.role}:${identity.exp}:${identity.claimsJson}`
    const known = cache.get(name)
    if (known !== undefined) return known
    const sealed = sealWith(key, identity, sign)
    if (cacheSize > 0) cache.set(name, sealed)
    return sealed
  }
}

function readKeys(keys: SealOptions['keys']): readonly [SealKey, ...SealKey[]] {
  try {
    if (typeof keys === 'string') return parseSealKeys(keys)
  } catch (error) {
    throw new OptionError(`keys: ${error instanceof Error ? error.message : ''}`)
  }
  const [first, ...rest] = keys
  if (first === undefined) throw new OptionError('keys: no seal key given')
  return [first, ...rest]
}

function toIdentity(claims: SealableClaims, role: string): SealedIdentity {
  if (typeof claims?.exp !== 'number' || !Number.isFinite(claims.exp)) {
    throw new OptionError('claims have no "exp": say until when they hold, in seconds since the epoch')
  }
  // Sealed as claims it would be nobody's identity, or that of whoever wrote such members into a token.
  if ('claimsJson' in claims) {
    throw new OptionError('this is a verified token of another copy of rowpass: both have to come from the same one')
  }
  return { role, exp: claims.exp, claimsJson: JSON.stringify(claims), sid: claims.sid }
}

async function sealWith(key: SealKey, identity: SealedIdentity, sign: Signer): Promise<RequestIdentity> {
  const session = await toSessionId(identity.sid, sha256)
  const { signed, finish } = draftSeal(key, identity, session)
  return { role: identity.role, session: finish(await sign(signed)) }
}

type Signer = (text: string) => Promise<string>

const encoder = new TextEncoder()

/** The key is imported with the first seal: Workers run no cryptography while they start. */
function createSigner({ secret }: SealKey): Signer {
  let imported: Promise<CryptoKey> | undefined
  return async (text) => {
    imported ??= crypto.subtle.importKey('raw', Uint8Array.from(secret), { name: 'HMAC', hash: 'SHA-256' }, false, [
      'sign',
    ])
    return toHex(await crypto.subtle.sign('HMAC', await imported, encoder.encode(text)))
  }
}

async function sha256(text: string): Promise<string> {
  return toHex(await crypto.subtle.digest('SHA-256', encoder.encode(text))).slice(0, 32)
}

function toHex(bytes: ArrayBuffer): string {
  return Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, '0')).join('')
}
