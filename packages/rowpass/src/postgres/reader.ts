/**
 * Cuts the byte stream of a PostgreSQL server into messages without copying those that arrive whole.
 */

/** One backend message: `bytes[start]` to `bytes[end - 1]` is its body. Nothing writes to them afterwards: they may be kept. */
export type OnMessage = (type: number, bytes: Buffer, start: number, end: number) => void

/** What a reader is made of. */
export interface MessageReaderOptions {
  readonly onMessage: OnMessage
  /** Called instead of `onMessage` for a message over `maxMessageBytes`, whose bytes are passed over and not kept. */
  readonly onOversized: (type: number) => void
  readonly maxMessageBytes: number
}

const headerBytes = 5

/** Returns a function that takes each chunk as it arrives. A length that cannot be throws a RangeError. */
export function createMessageReader(options: MessageReaderOptions): (chunk: Buffer) => void {
  const { onMessage, onOversized, maxMessageBytes } = options
  /** The beginning of a message, `rest[0]` to `rest[restEnd - 1]`. There is room for the rest of it, if its header is whole. */
  let rest = Buffer.alloc(0)
  let restEnd = 0
  /** Bytes of an oversized message that are still to be passed over. */
  let skipping = 0

  /** Reports all whole messages from `start` on, and keeps the beginning of the next one. */
  function readFrom(bytes: Buffer, start: number): void {
    let at = start
    while (at + headerBytes <= bytes.length) {
      const length = bytes.readUInt32BE(at + 1)
      if (length < 4) throw new RangeError(`message of ${length} bytes`)
      const bodyEnd = at + 1 + length
      if (length > maxMessageBytes) {
        onOversized(bytes[at] as number)
        skipping = Math.max(bodyEnd - bytes.length, 0)
        at = Math.min(bodyEnd, bytes.length)
        continue
      }
      if (bodyEnd > bytes.length) break
      onMessage(bytes[at] as number, bytes, at + headerBytes, bodyEnd)
      at = bodyEnd
    }
    if (at < bytes.length) keep(bytes, at)
  }

  function keep(bytes: Buffer, start: number): void {
    const hasHeader = start + headerBytes <= bytes.length
    rest = Buffer.allocUnsafe(hasHeader ? 1 + bytes.readUInt32BE(start + 1) : headerBytes)
    restEnd = bytes.copy(rest, 0, start)
  }

  return (received) => {
    const chunk = received.subarray(Math.min(skipping, received.length))
    skipping -= received.length - chunk.length
    if (restEnd === 0) return readFrom(chunk, 0)
    if (restEnd < headerBytes) {
      const joined = Buffer.concat([rest.subarray(0, restEnd), chunk])
      restEnd = 0
      return readFrom(joined, 0)
    }
    const taken = chunk.copy(rest, restEnd)
    restEnd += taken
    if (restEnd < rest.length) return
    const message = rest
    restEnd = 0
    onMessage(message[0] as number, message, headerBytes, message.length)
    readFrom(chunk, taken)
  }
}
