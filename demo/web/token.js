/**
 * Takes compact tokens (RFC 7515 §7.1) apart, puts edited and forged ones together, and checks signatures as any verifier can.
 */

/** Splits a token and reads its two JSON parts. */
export function decodeToken(token) {
  const [header, payload, signature] = token.split('.')
  return { header: parsePart(header), payload: parsePart(payload), signature }
}

/** The token with another payload under the old signature. */
export function replacePayload(token, payload) {
  const [header, , signature] = token.split('.')
  return [header, toBase64url(encode(JSON.stringify(payload))), signature].join('.')
}

/** The same header and payload, signed here with a key that nobody has published. */
export async function forgeToken(token) {
  const { privateKey } = await crypto.subtle.generateKey(ecdsa, false, ['sign', 'verify'])
  const signed = token.slice(0, token.lastIndexOf('.'))
  return `${signed}.${toBase64url(new Uint8Array(await crypto.subtle.sign(ecdsa, privateKey, encode(signed))))}`
}

/**
 * Whether the signature fits, checked in this browser against the published keys. Looks at nothing else: the gateway also
 * asks who issued the token, for whom, and when it expires.
 *
 * @returns `fits`, `differs`, `unknown` for a key that is not published, `unable` where the browser lacks the algorithm
 */
export async function checkSignature(token, keys) {
  const { header, signature } = decodeToken(token)
  const key = keys.find(({ kid }) => kid === header.kid)
  if (key === undefined) return 'unknown'
  const algorithm = algorithms[header.alg]
  if (algorithm === undefined || key.alg !== header.alg) return 'unable'
  try {
    const publicKey = await crypto.subtle.importKey('jwk', key, algorithm, false, ['verify'])
    const signed = encode(token.slice(0, token.lastIndexOf('.')))
    return (await crypto.subtle.verify(algorithm, publicKey, fromBase64url(signature), signed)) ? 'fits' : 'differs'
  } catch {
    return 'unable'
  }
}

/** Minutes and seconds until `exp`, or undefined when it has passed. */
export function timeLeft(exp, now = Date.now()) {
  const seconds = Math.ceil(exp - now / 1000)
  return seconds > 0 ? `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}` : undefined
}

/** A text as a JSON object; undefined for anything else. */
export function parseObject(text) {
  try {
    const value = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined
  } catch {
    return undefined
  }
}

const ecdsa = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
const algorithms = {
  ES256: ecdsa,
  RS256: { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' },
  EdDSA: { name: 'Ed25519' },
  Ed25519: { name: 'Ed25519' },
}

function encode(text) {
  return new TextEncoder().encode(text)
}

function parsePart(text) {
  return JSON.parse(new TextDecoder().decode(fromBase64url(text)))
}

function fromBase64url(text) {
  const binary = atob(text.replaceAll('-', '+').replaceAll('_', '/'))
  return Uint8Array.from(binary, (character) => character.charCodeAt(0))
}

function toBase64url(bytes) {
  const binary = Array.from(bytes, (byte) => String.fromCharCode(byte)).join('')
  return btoa(binary).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '')
}
