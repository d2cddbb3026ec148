/** Takes a compact token apart, strictly, before anything is believed or any cryptography is done. */
import { decodeBase64Url } from './base64url.ts'
import { TokenRefusal } from './refusal.ts'
import { parseStrictJson } from './strict-json.ts'
import { maxForeignTokenLength, maxKidLength } from './token-limits.ts'

/** A signed text in its parts. Nothing in it is to be believed until the signature is verified. */
export interface CompactJws {
  /** What the signature is of: the first two parts and the dot between them. */
  readonly signed: Uint8Array<ArrayBuffer>
  readonly alg: string
  /** Empty when the header has none. */
  readonly kid: string
  /** `typ` in lower case, without `application/`; empty when the header has none. */
  readonly typ: string
  readonly payload: Uint8Array
  readonly signature: Uint8Array<ArrayBuffer>
}

/** A token in its parts: a signed text whose payload is a JSON object. */
export interface CompactToken extends CompactJws {
  readonly claims: Record<string, unknown>
  /** The payload as text, exactly as it was signed. */
  readonly claimsJson: string
  /** Of the whole token, in characters. */
  readonly length: number
}

/**
 * Takes a token apart.
 *
 * Beyond what {@link parseCompactJws} refuses, refuses a payload that is not strict JSON with an object at the top.
 * Does NOT verify anything.
 *
 * @throws TokenRefusal `missing`, `size`, `encrypted`, `format`, `header`, `crit`, `payload`
 */
export function parseCompact(token: string): CompactToken {
  const { signed, alg, kid, typ, payload, signature } = parseCompactJws(token)
  const { value: claims, text: claimsJson } = parseJson(payload, 'payload')
  return { signed, alg, kid, typ, payload, signature, claims, claimsJson, length: token.length }
}

/**
 * Takes a JWS in compact form apart.
 *
 * Refuses what is over 16,384 characters, five parts (encrypted), any alternative spelling of base64url, duplicate names
 * or invalid UTF-8 in the header, a `crit` of any content (no extension is supported), and a header without `alg`.
 * Header members that would name a key (`jwk`, `jku`, `x5u`, `x5c`) are not looked at, as RFC 7515 §4 asks of
 * members that one does not use.
 *
 * Does NOT verify anything, and does NOT read the payload.
 *
 * @throws TokenRefusal `missing`, `size`, `encrypted`, `format`, `header`, `crit`
 * @see RFC 7515 §5.2, RFC 8725 §3
 */
export function parseCompactJws(token: string): CompactJws {
  if (typeof token !== 'string' || token === '') throw new TokenRefusal('missing', 'there is no token')
  if (token.length > maxForeignTokenLength) {
    throw new TokenRefusal('size', `the token is over ${maxForeignTokenLength} characters`)
  }
  const headerEnd = token.indexOf('.')
  const payloadEnd = token.indexOf('.', headerEnd + 1)
  if (payloadEnd === -1 || payloadEnd === token.length - 1 || token.includes('.', payloadEnd + 1)) {
    if (token.split('.', 6).length === 5) throw new TokenRefusal('encrypted', 'the token is encrypted')
    throw new TokenRefusal('format', 'the token is not in three parts')
  }
  const bytes = encoder.encode(token)
  const { alg, kid, typ } = parseHeader(token.slice(0, headerEnd))
  // Where a character takes more than a byte, the parts hold what no alphabet has.
  const payload = decodePart(bytes.subarray(headerEnd + 1, payloadEnd), 'payload')
  const signature = decodePart(bytes.subarray(payloadEnd + 1), 'signature')
  return { signed: bytes.subarray(0, payloadEnd), alg, kid, typ, payload, signature }
}

const encoder = new TextEncoder()

interface Header {
  readonly alg: string
  readonly kid: string
  readonly typ: string
}

/** Headers by their text: the tokens of a key have the same. Only those that were read without complaint. */
const headers = new Map<string, Header>()
const maxHeaders = 64

function parseHeader(part: string): Header {
  const known = headers.get(part)
  if (known !== undefined) return known
  const header = readHeader(parseJson(decodePart(encoder.encode(part), 'header'), 'header').value)
  if (headers.size >= maxHeaders) headers.clear()
  headers.set(part, header)
  return header
}

function decodePart(part: Uint8Array, name: string): Uint8Array<ArrayBuffer> {
  const bytes = decodeBase64Url(part)
  if (bytes === undefined) throw new TokenRefusal('format', `the ${name} is not base64url`)
  return bytes
}

function parseJson(bytes: Uint8Array, name: 'header' | 'payload'): ReturnType<typeof parseStrictJson> {
  try {
    return parseStrictJson(bytes)
  } catch (error) {
    throw new TokenRefusal(name, `the ${name} is ${error instanceof SyntaxError ? error.message : 'malformed'}`)
  }
}

function readHeader(header: Record<string, unknown>): Header {
  if (Object.hasOwn(header, 'enc') || Object.hasOwn(header, 'zip')) {
    throw new TokenRefusal('encrypted', 'the header is that of an encrypted or compressed token')
  }
  if (Object.hasOwn(header, 'crit') || Object.hasOwn(header, 'b64')) {
    throw new TokenRefusal('crit', 'the header asks for an extension')
  }
  const { alg, kid, typ = '' } = header
  if (typeof alg !== 'string' || alg === '') throw new TokenRefusal('header', 'the header has no "alg"')
  if (kid !== undefined && (typeof kid !== 'string' || kid === '' || kid.length > maxKidLength)) {
    throw new TokenRefusal('header', '"kid" is not a text of 1 to 256 characters')
  }
  if (typeof typ !== 'string') throw new TokenRefusal('header', '"typ" is not a text')
  return { alg, kid: kid ?? '', typ: toMediaType(typ) }
}

/**
 * Brings a `typ` into the form in which it is compared: lower case, and without the `application/` that may be left out.
 *
 * @see RFC 7515 §4.1.9
 */
export function toMediaType(typ: string): string {
  const lower = typ.toLowerCase()
  const subtype = lower.slice('application/'.length)
  return lower.startsWith('application/') && !subtype.includes('/') ? subtype : lower
}
