/** Turns a grant into a signed access token. Who may have the grant is decided elsewhere. */
import { algorithms } from '../keys/algorithms.ts'
import { toBase64Url } from '../keys/base64url.ts'
import type { SigningKey } from '../keys/key.ts'
import { DEFAULT_TTL_SECONDS, MAX_SUBJECT_LENGTH, MAX_TOKEN_LENGTH, MAX_TTL_SECONDS } from '../keys/token-limits.ts'

export { DEFAULT_TTL_SECONDS, MAX_TTL_SECONDS } from '../keys/token-limits.ts'

/** What a token is to say. */
export interface Grant {
  /** `iss`: the issuer's URL, exactly as verifiers have it configured. */
  readonly issuer: string
  /** `aud`: whom the token is for. */
  readonly audience: string
  /** `sub`: whom the token is about, 1–255 characters. */
  readonly subject: string
  /** `client_id`: the application that asked for it. */
  readonly clientId: string
  /** More claims. None of `iss aud sub exp nbf iat jti client_id`. */
  readonly claims?: Readonly<Record<string, unknown>>
  /** Lifetime, a whole number from 1 to 86,400. Default 900. */
  readonly ttlSeconds?: number
}

/** What is taken from outside. */
export interface IssueOptions {
  /** The time in milliseconds. Default `Date.now`. */
  readonly now?: () => number
}

const reserved = ['iss', 'aud', 'sub', 'exp', 'nbf', 'iat', 'jti', 'client_id']

/**
 * Issues a signed access token for one subject.
 *
 * Sets `iss`, `aud`, `sub`, `client_id`, `iat`, `exp` and a random `jti`; more claims may be added but none of these
 * replaced. The header says `typ: at+jwt` and names the key by thumbprint.
 * Does NOT authenticate the subject, does NOT ask whether a policy reads the claims, and sets no `nbf`, so that a token
 * is good at once on a machine whose clock is a little behind.
 *
 * @returns the compact token (RFC 7515 §7.1), at most 8192 characters
 * @throws TypeError when a reserved claim is given, a limit is passed, or a claim has no faithful form in JSON or in
 *   PostgreSQL's `jsonb` (U+0000, a lone surrogate)
 * @see RFC 9068 §2.2
 * @example
 * const key = await importSigningKey(env.PRIVATE_KEY)
 * const token = await issueToken(key, { issuer, audience: 'rowpass', subject: user.id, clientId: 'web' })
 */
export async function issueToken(key: SigningKey, grant: Grant, options: IssueOptions = {}): Promise<string> {
  const payload = JSON.stringify(toClaims(grant, Math.floor((options.now ?? Date.now)() / 1000)))
  if (payload.includes('\\u') && unsafeText.test(payload))
    throw new TypeError('a claim holds U+0000 or a lone surrogate')
  const signed = `${headerOf(key)}.${toBase64Url(encoder.encode(payload))}`
  if (signed.length > MAX_TOKEN_LENGTH) throw tooLong()
  const signature = await crypto.subtle.sign(algorithms[key.alg].parameters, key.privateKey, encoder.encode(signed))
  const token = `${signed}.${toBase64Url(new Uint8Array(signature))}`
  if (token.length > MAX_TOKEN_LENGTH) throw tooLong()
  return token
}

const encoder = new TextEncoder()
/** The first part of every token of a key. */
const headers = new WeakMap<SigningKey, string>()

function headerOf(key: SigningKey): string {
  const known = headers.get(key)
  if (known !== undefined) return known
  const { alg, kid } = key
  const header = toBase64Url(encoder.encode(JSON.stringify({ alg, typ: 'at+jwt', kid })))
  headers.set(key, header)
  return header
}

function tooLong(): TypeError {
  return new TypeError(`the token is longer than ${MAX_TOKEN_LENGTH} characters`)
}

/** U+0000 and lone surrogates as JSON.stringify writes them; an escaped backslash before them is an even run. */
const unsafeText = /(?<!\\)(?:\\\\)*\\u(?:0000|d[89a-f])/i

function toClaims(grant: Grant, issuedAt: number): Record<string, unknown> {
  const { issuer, audience, subject, clientId, claims = {}, ttlSeconds = DEFAULT_TTL_SECONDS } = grant
  for (const [name, value] of Object.entries({ issuer, audience, subject, clientId })) {
    if (typeof value !== 'string' || value === '') throw new TypeError(`${name} must be a string that is not empty`)
  }
  if (subject.length > MAX_SUBJECT_LENGTH)
    throw new TypeError(`subject is longer than ${MAX_SUBJECT_LENGTH} characters`)
  if (!Number.isInteger(ttlSeconds) || ttlSeconds < 1 || ttlSeconds > MAX_TTL_SECONDS) {
    throw new TypeError(`ttlSeconds must be a whole number from 1 to ${MAX_TTL_SECONDS}`)
  }
  const own = toPlainJson(claims)
  const taken = reserved.find((name) => Object.hasOwn(own, name))
  if (taken !== undefined) throw new TypeError(`the claim "${taken}" is set by the issuer`)
  return {
    iss: issuer,
    aud: audience,
    sub: subject,
    client_id: clientId,
    iat: issuedAt,
    exp: issuedAt + ttlSeconds,
    jti: crypto.randomUUID(),
    ...own,
  }
}

/** The claims as a reader of the token will see them; a `toJSON` has had its say before the reserved names are looked for. */
function toPlainJson(claims: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const plain: unknown = JSON.parse(JSON.stringify(claims) ?? 'null')
  if (typeof plain !== 'object' || plain === null || Array.isArray(plain))
    throw new TypeError('claims is not an object')
  return { ...plain }
}
