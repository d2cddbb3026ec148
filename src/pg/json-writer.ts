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

/** A growing buffer of JSON. */
export interface JsonWriter {
  readonly length: number
  /** One byte as it is. */
  byte(value: number): void
  /** Bytes that are JSON already. */
  raw(bytes: Uint8Array): void
  /** Text that is JSON already. */
  text(json: string): void
  /** A JSON string of valid UTF-8 bytes. */
  string(bytes: Buffer, start: number, end: number): void
  /** What was written. The writer must not be used afterwards. */
  finish(): Buffer
}

/** Makes an empty writer. */
export function createJsonWriter(): JsonWriter {
  let buffer = Buffer.allocUnsafe(initialBytes)
  let length = 0

  function reserve(bytes: number): void {
    if (length + bytes <= buffer.length) return
    const grown = Buffer.allocUnsafe(Math.max(buffer.length * 2, length + bytes))
    buffer.copy(grown, 0, 0, length)
    buffer = grown
  }

  return {
    get length() {
      return length
    },
    byte(value) {
      reserve(1)
      buffer[length++] = value
    },
    raw(bytes) {
      reserve(bytes.length)
      buffer.set(bytes, length)
      length += bytes.length
    },
    text(json) {
      reserve(json.length * 3)
      length += buffer.write(json, length)
    },
    string(bytes, start, end) {
      // The worst case is six bytes for one; for large cells the room is found as it is needed.
      const room = (end - start) * 6 + 2
      if (room <= 4096) {
        reserve(room)
        length = writeString(buffer, length, bytes, start, end)
        return
      }
      const escaped = escapedLength(bytes, start, end)
      reserve(escaped + 2)
      length = writeString(buffer, length, bytes, start, end, escaped === end - start)
    },
    finish: () => buffer.subarray(0, length),
  }
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
