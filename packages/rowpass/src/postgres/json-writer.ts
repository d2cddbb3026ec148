/**
 * Writes JSON bytes. Result cells go from the socket's bytes to the response's bytes without becoming strings.
 */

const initialBytes = 512
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

/** A growing buffer of JSON: a record and functions, because one is made for each result. */
export interface JsonText {
  bytes: Buffer
  /** How many of the bytes are written. */
  length: number
  /** A large string that would pass it is left out. */
  maxLength: number
  /** Whether something was left out: it is no JSON then. */
  overflown: boolean
}

/** Makes an empty one. */
export function createJsonText(): JsonText {
  return { bytes: Buffer.allocUnsafe(initialBytes), length: 0, maxLength: Number.POSITIVE_INFINITY, overflown: false }
}

/** Writes one byte as it is. */
export function writeByte(json: JsonText, value: number): void {
  reserve(json, 1)
  json.bytes[json.length++] = value
}

/** Writes bytes that are JSON already. */
export function writeBytes(json: JsonText, bytes: Uint8Array): void {
  reserve(json, bytes.length)
  json.bytes.set(bytes, json.length)
  json.length += bytes.length
}

/** Writes text that is JSON already. */
export function writeText(json: JsonText, text: string): void {
  reserve(json, text.length * 3)
  json.length += json.bytes.write(text, json.length)
}

/** Writes valid UTF-8 bytes as a JSON string. */
export function writeJsonString(json: JsonText, bytes: Buffer, start: number, end: number): void {
  // The worst case is six bytes for one; for large cells the room is found as it is needed.
  const room = (end - start) * 6 + 2
  if (room <= 4096) {
    reserve(json, room)
    json.length = writeString(json.bytes, json.length, bytes, start, end)
    return
  }
  const escaped = escapedLength(bytes, start, end)
  // Escapes can make six bytes of one: writing them all, to be refused, would keep everybody waiting.
  json.overflown ||= json.length + escaped > json.maxLength
  if (json.overflown) return
  reserve(json, escaped + 2)
  json.length = writeString(json.bytes, json.length, bytes, start, end, escaped === end - start)
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

function writeString(into: Buffer, at: number, bytes: Buffer, start: number, end: number, plain = false): number {
  into[at++] = quote
  if (plain) {
    bytes.copy(into, at, start, end)
    at += end - start
  } else {
    for (let index = start; index < end; index++) {
      const byte = bytes[index] as number
      if (byte >= 0x20 && byte !== quote && byte !== backslash) into[at++] = byte
      else at = writeEscape(into, at, byte)
    }
  }
  into[at++] = quote
  return at
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

function escapedLength(bytes: Buffer, start: number, end: number): number {
  let length = end - start
  for (let index = start; index < end; index++) {
    const byte = bytes[index] as number
    if (byte >= 0x20) {
      if (byte === quote || byte === backslash) length += 1
    } else length += shortEscape[byte] === 0 ? 5 : 1
  }
  return length
}
