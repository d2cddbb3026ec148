/** Base64url as RFC 7515 §2 spells it, and in exactly one spelling per value. */

const alphabet = /^[A-Za-z0-9_-]*$/
const digits = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

/**
 * Decodes base64url strictly: no padding, no white space, no other alphabet, and no stray bits in the last character,
 * so that two different texts never decode to the same bytes.
 *
 * @returns undefined when the text is not canonical base64url
 * @see RFC 4648 §3.5, §5
 */
export function fromBase64Url(text: string): Uint8Array<ArrayBuffer> | undefined {
  const tail = text.length % 4
  if (!alphabet.test(text) || tail === 1) return undefined
  const strayBits = tail === 2 ? 0b1111 : tail === 3 ? 0b11 : 0
  if ((digits.indexOf(text.slice(-1)) & strayBits) !== 0) return undefined
  const binary = atob(text.replaceAll('-', '+').replaceAll('_', '/'))
  const bytes = new Uint8Array(binary.length)
  for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i)
  return bytes
}

/** Encodes bytes as base64url without padding. */
export function toBase64Url(bytes: Uint8Array): string {
  let binary = ''
  for (const byte of bytes) binary += String.fromCharCode(byte)
  return btoa(binary).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
}
