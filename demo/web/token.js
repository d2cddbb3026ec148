/**
 * Takes compact tokens (RFC 7515 §7.1) apart and puts edited ones together. Checks nothing: that is the gateway's part.
 */

/** Splits a token and reads its two JSON parts. */
export function decodeToken(token) {
  const [header, payload, signature] = token.split('.')
  return { header: JSON.parse(fromBase64url(header)), payload: JSON.parse(fromBase64url(payload)), signature }
}

/** The token with another payload under the old signature. */
export function replacePayload(token, payload) {
  const [header, , signature] = token.split('.')
  return [header, toBase64url(JSON.stringify(payload)), signature].join('.')
}

/** Minutes and seconds until `exp`, or undefined when it has passed. */
export function timeLeft(exp, now = Date.now()) {
  const seconds = Math.ceil(exp - now / 1000)
  return seconds > 0 ? `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}` : undefined
}

function fromBase64url(text) {
  const binary = atob(text.replaceAll('-', '+').replaceAll('_', '/'))
  return new TextDecoder().decode(Uint8Array.from(binary, (character) => character.charCodeAt(0)))
}

function toBase64url(text) {
  const binary = Array.from(new TextEncoder().encode(text), (byte) => String.fromCharCode(byte)).join('')
  return btoa(binary).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '')
}
