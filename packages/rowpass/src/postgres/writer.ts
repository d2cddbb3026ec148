/**
 * Writes frontend messages of the PostgreSQL protocol, many into one buffer, so that a request leaves in one write.
 * @see https://www.postgresql.org/docs/current/protocol-message-formats.html
 */

/** What is taken is never written again, so a slab serves many small requests before the next is allocated. */
const slabBytes = 64 * 1024
/** Of a UTF-16 unit. */
const maxUtf8Bytes = 3
/** UTF-16 units from which it is worth a look how many bytes a text has. */
const longText = 8 * 1024

/** A growing buffer of frontend messages. */
export interface MessageWriter {
  /** Parse, with no declared parameter types: the server infers them. */
  parse(statement: string, sql: string): void
  /** Bind to the unnamed portal; all parameters in text format, and all results unless they are to be `binary`. */
  bind(statement: string, params: readonly (string | null)[], binary?: boolean): void
  describeStatement(statement: string): void
  /** Execute the unnamed portal, to its end or until it has given so many rows. */
  execute(maxRows?: number): void
  closeStatement(statement: string): void
  /** A simple query. */
  query(sql: string): void
  copyFail(reason: string): void
  sync(): void
  /** Takes what was written; the writer is empty afterwards. `undefined` when nothing was written. */
  take(): Buffer | undefined
}

/** Makes an empty writer. */
export function createMessageWriter(): MessageWriter {
  let buffer = Buffer.allocUnsafe(slabBytes)
  /** What was written and not yet taken: `buffer[start]` to `buffer[end - 1]`. */
  let start = 0
  let end = 0

  function reserve(bytes: number): void {
    if (end + bytes <= buffer.length) return
    const pendingBytes = end - start
    const grown = Buffer.allocUnsafe(Math.max(slabBytes, pendingBytes * 2 + bytes))
    buffer.copy(grown, 0, start, end)
    buffer = grown
    start = 0
    end = pendingBytes
  }

  /** Writes the type byte, leaves room for the length, returns how far from `start` the length goes. */
  function begin(type: number): number {
    reserve(5)
    buffer[end] = type
    end += 5
    return end - 4 - start
  }

  function finish(lengthOffset: number): void {
    writeInt32At(start + lengthOffset, end - start - lengthOffset)
  }

  function writeInt32At(at: number, value: number): void {
    buffer[at] = value >>> 24
    buffer[at + 1] = value >>> 16
    buffer[at + 2] = value >>> 8
    buffer[at + 3] = value
  }

  function int16(value: number): void {
    reserve(2)
    buffer[end++] = value >>> 8
    buffer[end++] = value
  }

  function int32(value: number): void {
    reserve(4)
    writeInt32At(end, value)
    end += 4
  }

  function utf8(text: string): number {
    reserve(text.length > longText ? Buffer.byteLength(text) : text.length * maxUtf8Bytes)
    const written = buffer.write(text, end)
    end += written
    return written
  }

  function cString(text: string): void {
    utf8(text)
    reserve(1)
    buffer[end++] = 0
  }

  function namedStatement(type: number, statement: string): void {
    const lengthOffset = begin(type)
    reserve(1)
    buffer[end++] = 0x53
    cString(statement)
    finish(lengthOffset)
  }

  function parameter(value: string | null): void {
    if (value === null) {
      int32(-1)
      return
    }
    int32(0)
    const lengthOffset = end - 4 - start
    const bytes = utf8(value)
    writeInt32At(start + lengthOffset, bytes)
  }

  function textMessage(type: number, text: string): void {
    const lengthOffset = begin(type)
    cString(text)
    finish(lengthOffset)
  }

  return {
    parse(statement, sql) {
      const lengthOffset = begin(0x50)
      cString(statement)
      cString(sql)
      int16(0)
      finish(lengthOffset)
    },
    bind(statement, params, binary = false) {
      const lengthOffset = begin(0x42)
      reserve(1)
      buffer[end++] = 0
      cString(statement)
      int16(0)
      int16(params.length)
      for (const param of params) parameter(param)
      int16(binary ? 1 : 0)
      if (binary) int16(1)
      finish(lengthOffset)
    },
    describeStatement: (statement) => namedStatement(0x44, statement),
    execute(maxRows = 0) {
      const lengthOffset = begin(0x45)
      reserve(1)
      buffer[end++] = 0
      int32(maxRows)
      finish(lengthOffset)
    },
    closeStatement: (statement) => namedStatement(0x43, statement),
    query: (sql) => textMessage(0x51, sql),
    copyFail: (reason) => textMessage(0x66, reason),
    sync: () => finish(begin(0x53)),
    take() {
      if (start === end) return undefined
      const taken = buffer.subarray(start, end)
      start = end
      // A slab for a parameter of megabytes would stay for as long as small requests fill the rest of it.
      if (buffer.length > slabBytes) {
        buffer = Buffer.allocUnsafe(slabBytes)
        start = 0
        end = 0
      }
      return taken
    },
  }
}
