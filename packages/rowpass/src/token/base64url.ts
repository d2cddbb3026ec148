/** Base64url as RFC 7515 §2 spells it, and in exactly one spelling per value. */

const digits = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
const codes = Uint8Array.from(digits, (digit) => digit.charCodeAt(0))
/** The six bits of each character by its code; a seventh bit is set for what is none of the alphabet. */
const sextets = new Uint8Array(256).fill(64)
for (const [value, code] of codes.entries()) sextets[code] = value

const encoder = new TextEncoder()
const ascii = new TextDecoder()

/**
 * Decodes base64url strictly: no padding, no white space, no other alphabet, and no stray bits in the last character,
 * so that two different texts never decode to the same bytes.
 *
 * @returns undefined when the text is not canonical base64url
 * @see RFC 4648 §3.5, §5
 */
export function fromBase64Url(text: string): Uint8Array<ArrayBuffer> | undefined {
  return decodeBase64Url(encoder.encode(text))
}

/** {@link fromBase64Url} for a text that is there as the bytes of its characters. */
export function decodeBase64Url(text: Uint8Array): Uint8Array<ArrayBuffer> | undefined {
  const tail = text.length & 3
  if (tail === 1) return undefined
  const bytes = new Uint8Array((text.length * 3) >> 2)
  const whole = text.length - tail
  let seen = 0
  let at = 0
  for (let index = 0; index < whole; index += 4) {
    const a = sextetAt(text, index)
    const b = sextetAt(text, index + 1)
    const c = sextetAt(text, index + 2)
    const d = sextetAt(text, index + 3)
    seen |= a | b | c | d
    bytes[at] = (a << 2) | (b >> 4)
    bytes[at + 1] = (b << 4) | (c >> 2)
    bytes[at + 2] = (c << 6) | d
    at += 3
  }
  if (tail > 0) {
    const a = sextetAt(text, whole)
    const b = sextetAt(text, whole + 1)
    const c = tail === 3 ? sextetAt(text, whole + 2) : 0
    seen |= a | b | c
    bytes[at] = (a << 2) | (b >> 4)
    if (tail === 3) bytes[at + 1] = (b << 4) | (c >> 2)
    const stray = tail === 3 ? c & 0b11 : b & 0b1111
    if (stray !== 0) return undefined
  }
  return seen < 64 ? bytes : undefined
}

function sextetAt(text: Uint8Array, index: number): number {
  return sextets[text[index] ?? 0] ?? 64
}

/** Encodes bytes in the one spelling that {@link fromBase64Url} reads. */
export function toBase64Url(bytes: Uint8Array): string {
  const text = new Uint8Array(base64UrlLength(bytes.length))
  writeBase64Url(bytes, text, 0)
  return ascii.decode(text)
}

/** How many characters a number of bytes takes. */
export function base64UrlLength(bytes: number): number {
  return Math.ceil((bytes * 4) / 3)
}

/** Writes the characters of {@link toBase64Url} as bytes into `text`, from index `at` on. */
export function writeBase64Url(bytes: Uint8Array, text: Uint8Array, at: number): void {
  const tail = bytes.length % 3
  const whole = bytes.length - tail
  let to = at
  for (let index = 0; index < whole; index += 3) {
    const held = (byteAt(bytes, index) << 16) | (byteAt(bytes, index + 1) << 8) | byteAt(bytes, index + 2)
    text[to] = digitOf(held >> 18)
    text[to + 1] = digitOf(held >> 12)
    text[to + 2] = digitOf(held >> 6)
    text[to + 3] = digitOf(held)
    to += 4
  }
  if (tail > 0) {
    const held = (byteAt(bytes, whole) << 16) | (tail === 2 ? byteAt(bytes, whole + 1) << 8 : 0)
    text[to] = digitOf(held >> 18)
    text[to + 1] = digitOf(held >> 12)
    if (tail === 2) text[to + 2] = digitOf(held >> 6)
  }
}

function byteAt(bytes: Uint8Array, index: number): number {
  return bytes[index] ?? 0
}

/** The character of the lowest six bits. */
function digitOf(bits: number): number {
  return codes[bits & 63] ?? 0
}
