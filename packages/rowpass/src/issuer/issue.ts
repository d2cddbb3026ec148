/** Turns a grant into a signed access token. Who may have the grant is decided elsewhere. */
import { Failure, OptionError } from '../errors.ts'
import { algorithms } from '../token/algorithms.ts'
import { base64UrlLength, toBase64Url, writeBase64Url } from '../token/base64url.ts'
import type { SigningKey } from '../token/key.ts'
import { defaultTtlSeconds, maxSubjectLength, maxTokenLength, maxTtlSeconds } from '../token/token-limits.ts'

export { defaultTtlSeconds, maxTtlSeconds } from '../token/token-limits.ts'

/** What a token is to say. */
export interface Grant {
  /** `iss`: the issuer's URL, exactly as verifiers have it configured. */
  readonly issuer: string
  /** `aud`: whom the token is for. */
  readonly audience: string
  /** `sub`: subject of the token, 1–255 characters. */
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
/** Finds one of them as a name in what JSON.stringify wrote, at any depth; a quote within a text is escaped there. */
const reservedName = new RegExp(`"(?:${reserved.join('|')})":`)

/**
 * Issues a signed access token for one subject.
 *
 * Sets `iss`, `aud`, `sub`, `client_id`, `iat`, `exp` and a random `jti`; more claims may be added but none of these
 * replaced. The header says `typ: at+jwt` and names the key by thumbprint.
 * Does NOT authenticate the subject, does NOT ask whether a policy reads the claims, and sets no `nbf`, so that a token
 * is good at once on a machine whose clock is a little behind.
 *
 * @returns the compact token (RFC 7515 §7.1), at most 8192 characters
 * @throws Failure `claims_invalid` when a reserved claim is given, the subject or the token is too long, or a claim has no
 *   faithful form in JSON or in PostgreSQL's `jsonb` (U+0000, a lone surrogate)
 * @throws OptionError when a text is empty or the lifetime out of its range
 * @see RFC 9068 §2.2
 * @example
 * const key = await importSigningKey(process.env.PRIVATE_KEY)
 * const token = await issueToken(key, { issuer: 'https://id.example.com', audience: 'api', subject: user.id, clientId: 'web' })
 */
export async function issueToken(key: SigningKey, grant: Grant, options: IssueOptions = {}): Promise<string> {
  const payload = payloadOf(grant, Math.floor((options.now ?? Date.now)() / 1000))
  if (isUnsafeJson(payload)) throw invalid('a text in them holds U+0000 or a lone surrogate')
  const signed = append(headerOf(key), encoder.encode(payload))
  const signature = await crypto.subtle.sign(algorithms[key.alg].parameters, key.privateKey, signed)
  return ascii.decode(append(signed, new Uint8Array(signature)))
}

const encoder = new TextEncoder()
const ascii = new TextDecoder()
/** The first part of every token of a key. */
const headers = new WeakMap<SigningKey, Uint8Array>()

function headerOf(key: SigningKey): Uint8Array {
  const known = headers.get(key)
  if (known !== undefined) return known
  const { alg, kid } = key
  const header = encoder.encode(toBase64Url(encoder.encode(JSON.stringify({ alg, typ: 'at+jwt', kid }))))
  headers.set(key, header)
  return header
}

const dot = 0x2e

/** The parts so far, a dot, and one more in base64url, all as the bytes of their characters (RFC 7515 §7.1). */
function append(parts: Uint8Array, part: Uint8Array): Uint8Array<ArrayBuffer> {
  const length = parts.length + 1 + base64UrlLength(part.length)
  if (length > maxTokenLength) throw invalid(`the token is longer than ${maxTokenLength} characters`)
  const longer = new Uint8Array(length)
  longer.set(parts)
  longer[parts.length] = dot
  writeBase64Url(part, longer, parts.length + 1)
  return longer
}

/** U+0000 and lone surrogates as JSON.stringify writes them; an escaped backslash before them is an even run. */
const unsafeText = /(?<!\\)(?:\\\\)*\\u(?:0000|d[89a-f])/i

/** Whether what JSON.stringify wrote holds a text that PostgreSQL's `jsonb` cannot: U+0000 or a lone surrogate. */
export function isUnsafeJson(json: string): boolean {
  return json.includes('\\u') && unsafeText.test(json)
}

function payloadOf(grant: Grant, issuedAt: number): string {
  const { issuer, audience, subject, clientId, claims, ttlSeconds = defaultTtlSeconds } = grant
  requireText('issuer', issuer)
  requireText('audience', audience)
  requireText('subject', subject)
  requireText('clientId', clientId)
  if (subject.length > maxSubjectLength) throw invalid(`the subject is longer than ${maxSubjectLength} characters`)
  if (!Number.isInteger(ttlSeconds) || ttlSeconds < 1 || ttlSeconds > maxTtlSeconds) {
    throw new OptionError(`ttlSeconds must be a whole number from 1 to ${maxTtlSeconds}`)
  }
  const own = claims === undefined ? '{}' : ownClaims(claims)
  const set = JSON.stringify({
    iss: issuer,
    aud: audience,
    sub: subject,
    client_id: clientId,
    iat: issuedAt,
    exp: issuedAt + ttlSeconds,
    jti: crypto.randomUUID(),
  })
  return own === '{}' ? set : `${set.slice(0, -1)},${own.slice(1)}`
}

function requireText(name: string, value: unknown): void {
  if (typeof value !== 'string' || value === '') throw new OptionError(`${name} must be a string that is not empty`)
}

/** The claims as a reader of the token will see them; a `toJSON` has had its say before the reserved names are looked for. */
function ownClaims(claims: Readonly<Record<string, unknown>>): string {
  const text: string | undefined = JSON.stringify(claims)
  if (text?.startsWith('{') !== true) throw invalid('they are not an object')
  if (reservedName.test(text)) {
    const read: object = JSON.parse(text)
    const taken = reserved.find((name) => Object.hasOwn(read, name))
    if (taken !== undefined) throw invalid(`the claim "${taken}" is set by the issuer`)
  }
  return text
}

/** Claims that no token can have. */
export function invalid(detail: string): Failure {
  return new Failure('claims_invalid', { detail })
}
