/** Base64url as RFC 7515 §2 spells it, and in exactly one spelling per value. */

const digits = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
const codes = Uint8Array.from(digits, (digit) => digit.charCodeAt(0))
/** The six bits of each character up to U+007F; 64 for one that is none of the alphabet. */
const sextets = new Uint8Array(128).fill(64)
for (const [value, code] of codes.entries()) sextets[code] = value

const ascii = new TextDecoder()

/**
 * Decodes base64url strictly: no padding, no white space, no other alphabet, and no stray bits in the last character,
 * so that two different texts never decode to the same bytes.
 *
 * @returns undefined when the text is not canonical base64url
 * @see RFC 4648 §3.5, §5
 */
export function fromBase64Url(text: string): Uint8Array<ArrayBuffer> | undefined {
  if (text.length % 4 === 1) return undefined
  const bytes = new Uint8Array((text.length * 3) >> 2)
  let held = 0
  let bits = 0
  let at = 0
  for (let index = 0; index < text.length; index++) {
    const sextet = sextets[text.charCodeAt(index)] ?? 64
    if (sextet === 64) return undefined
    // Only the lowest `bits` of what is held are still to be written; those above fall off.
    held = (held << 6) | sextet
    bits += 6
    if (bits < 8) continue
    bits -= 8
    bytes[at++] = held >> bits
  }
  return (held & ((1 << bits) - 1)) === 0 ? bytes : undefined
}

/** Encodes bytes in the one spelling that {@link fromBase64Url} reads. */
export function toBase64Url(bytes: Uint8Array): string {
  const out = new Uint8Array(Math.ceil((bytes.length * 4) / 3))
  let held = 0
  let bits = 0
  let at = 0
  for (let index = 0; index < bytes.length; index++) {
    held = (held << 8) | (bytes[index] ?? 0)
    bits += 8
    while (bits >= 6) {
      bits -= 6
      out[at++] = codes[(held >> bits) & 63] ?? 0
    }
  }
  if (bits > 0) out[at] = codes[(held << (6 - bits)) & 63] ?? 0
  return ascii.decode(out)
}
