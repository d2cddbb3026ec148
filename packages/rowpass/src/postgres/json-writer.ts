/**
 * Writes JSON bytes. Result cells go from the socket's bytes to the response's bytes without becoming strings.
 */

const quote = 0x22
const backslash = 0x5c
const hexDigits = Buffer.from('0123456789abcdef')

/** The second byte of a two-byte escape (RFC 8259 §7), by the byte that it stands for; 0 where `\u00xx` is needed. */
const shortEscape = new Uint8Array(0x20)
shortEscape[0x08] = 0x62
shortEscape[0x09] = 0x74
shortEscape[0x0a] = 0x6e
shortEscape[0x0c] = 0x66
shortEscape[0x0d] = 0x72
const maxEscapeBytes = 6

/** A growing buffer of JSON: a record and functions, because one is made for each result. */
export interface JsonText {
  bytes: Buffer
  /** How many of the bytes are written. */
  length: number
}

/** Makes an empty one. @param room bytes that it has before it grows */
export function createJsonText(room: number): JsonText {
  return { bytes: Buffer.allocUnsafe(room), length: 0 }
}

/** Writes one byte as it is. */
export function writeByte(json: JsonText, value: number): void {
  reserve(json, 1)
  json.bytes[json.length++] = value
}

/** Writes bytes that are JSON already, a part of a buffer. */
export function writeBytes(json: JsonText, bytes: Buffer, start = 0, end = bytes.length): void {
  reserve(json, end - start)
  // A call into native code costs more than copying a few bytes.
  if (end - start < minRunBytes) for (let at = start; at < end; at++) json.bytes[json.length++] = bytes[at] as number
  else json.length += bytes.copy(json.bytes, json.length, start, end)
}

/** Writes text that is JSON already. */
export function writeText(json: JsonText, text: string): void {
  reserve(json, text.length * 3)
  json.length += json.bytes.write(text, json.length)
}

/** Writes valid UTF-8 bytes as a JSON string. */
export function writeJsonString(json: JsonText, bytes: Buffer, start: number, end: number): void {
  writeByte(json, quote)
  writeEscaped(json, bytes, start, end)
  writeByte(json, quote)
}

/** Writes valid UTF-8 bytes as a part of a JSON string: what is cut into parts is written as one whole. */
export function writeEscaped(json: JsonText, bytes: Buffer, start: number, end: number): void {
  let at = start
  while (end - at >= minRunBytes) {
    const runEnd = endOfRun(bytes, at, end)
    writeBytes(json, bytes, at, runEnd)
    // Where there is one character to be escaped there are often more.
    at = Math.min(runEnd + minRunBytes, end)
    escapeEach(json, bytes, runEnd, at)
  }
  escapeEach(json, bytes, at, end)
}

/** What was written; it must not be written to afterwards. */
export function toBytes(json: JsonText): Buffer {
  return json.bytes.subarray(0, json.length)
}

function reserve(json: JsonText, bytes: number): void {
  if (json.length + bytes <= json.bytes.length) return
  const grown = Buffer.allocUnsafe(Math.max(json.bytes.length * 2, json.length + bytes))
  json.bytes.copy(grown, 0, 0, json.length)
  json.bytes = grown
}

const minRunBytes = 64

/** Where the first byte is that has to be escaped. Looks at four bytes at a time. */
function endOfRun(bytes: Buffer, start: number, end: number): number {
  let at = start
  for (; at < end && ((bytes.byteOffset + at) & 3) !== 0; at++) if (needsEscape(bytes[at] as number)) return at
  const words = new Int32Array(bytes.buffer, bytes.byteOffset + at, (end - at) >> 2)
  let index = 0
  while (index < words.length && !someNeedsEscape(words[index] as number)) index++
  for (at += index * 4; at < end; at++) if (needsEscape(bytes[at] as number)) return at
  return end
}

function needsEscape(byte: number): boolean {
  return byte < 0x20 || byte === quote || byte === backslash
}

/**
 * Whether one of four bytes has to be escaped. Taking n from each sets the top bit of those below n, unless a lower byte
 * borrowed from it: then that one has to be escaped anyway. A byte that is zero after XOR was equal.
 * @see https://graphics.stanford.edu/~seander/bithacks.html#HasLessInWord
 */
function someNeedsEscape(word: number): boolean {
  const quotes = word ^ 0x22222222
  const backslashes = word ^ 0x5c5c5c5c
  const found =
    ((word - 0x20202020) & ~word) | ((quotes - 0x01010101) & ~quotes) | ((backslashes - 0x01010101) & ~backslashes)
  return (found & 0x80808080) !== 0
}

function escapeEach(json: JsonText, bytes: Buffer, start: number, end: number): void {
  reserve(json, (end - start) * maxEscapeBytes)
  const into = json.bytes
  let at = json.length
  for (let index = start; index < end; index++) {
    const byte = bytes[index] as number
    if (byte >= 0x20 && byte !== quote && byte !== backslash) into[at++] = byte
    else at = writeEscape(into, at, byte)
  }
  json.length = at
}

function writeEscape(into: Buffer, at: number, byte: number): number {
  into[at++] = backslash
  const short = byte >= 0x20 ? byte : (shortEscape[byte] as number)
  if (short !== 0) {
    into[at++] = short
    return at
  }
  into[at++] = 0x75
  into[at++] = 0x30
  into[at++] = 0x30
  into[at++] = hexDigits[byte >> 4] as number
  into[at++] = hexDigits[byte & 15] as number
  return at
}
