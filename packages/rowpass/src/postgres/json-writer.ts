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

/**
 * Growing JSON: a record and functions, because one is made for each result. It grows by pieces: a buffer of twice the size
 * and a copy would take three times the memory of a large result.
 */
export interface JsonText {
  /** Pieces that are full. */
  readonly pieces: Buffer[]
  /** Bytes in them. */
  piecesLength: number
  /** The piece that is being written. */
  bytes: Buffer
  /** How many of its bytes are written. */
  length: number
}

const pieceBytes = 64 * 1024

/** Makes an empty one. @param room bytes that it has at first; up to a piece of 64 KiB */
export function createJsonText(room: number): JsonText {
  return { pieces: [], piecesLength: 0, bytes: Buffer.allocUnsafe(Math.min(room, pieceBytes)), length: 0 }
}

/** Writes one byte as it is. */
export function writeByte(json: JsonText, value: number): void {
  reserve(json, 1)
  json.bytes[json.length++] = value
}

/** Writes bytes that are JSON already, a part of a buffer. */
export function writeBytes(json: JsonText, bytes: Buffer, start = 0, end = bytes.length): void {
  // A call into native code costs more than copying a few bytes.
  if (end - start < minRunBytes) {
    reserve(json, end - start)
    for (let at = start; at < end; at++) json.bytes[json.length++] = bytes[at] as number
    return
  }
  for (let at = start; at < end; ) {
    reserve(json, 1)
    const copied = bytes.copy(json.bytes, json.length, at, end)
    json.length += copied
    at += copied
  }
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

/** How many bytes were written. */
export function lengthOf(json: JsonText): number {
  return json.piecesLength + json.length
}

/** What was written; it must not be written to afterwards. */
export function toPieces(json: JsonText): Buffer[] {
  json.pieces.push(json.bytes.subarray(0, json.length))
  return json.pieces
}

/** Makes room for so many bytes in one piece. */
function reserve(json: JsonText, bytes: number): void {
  if (json.length + bytes <= json.bytes.length) return
  if (json.length > 0) json.pieces.push(json.bytes.subarray(0, json.length))
  json.piecesLength += json.length
  json.length = 0
  // No more than was written already: most answers are small, and only their end has found no room.
  json.bytes = Buffer.allocUnsafe(Math.max(Math.min(json.piecesLength, pieceBytes), bytes))
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
