/**
 * Cuts the byte stream of a PostgreSQL server into messages without copying those that arrive whole.
 */

/** One backend message: `bytes[start]` to `bytes[end - 1]` is its body. Only valid during the call. */
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
  /** Start of a message whose end has not arrived: `rest[0]` to `rest[restEnd - 1]`. */
  let rest = Buffer.alloc(0)
  let restEnd = 0
  /** Bytes of an oversized message that are still to be passed over. */
  let skipping = 0

  /** Reports all whole messages and returns where the first incomplete one starts. */
  function readWhole(bytes: Buffer, end: number): number {
    let at = 0
    while (at + headerBytes <= end) {
      const length = bytes.readUInt32BE(at + 1)
      if (length < 4) throw new RangeError(`message of ${length} bytes`)
      const bodyEnd = at + 1 + length
      if (length > maxMessageBytes) {
        onOversized(bytes[at] as number)
        skipping = Math.max(bodyEnd - end, 0)
        at = Math.min(bodyEnd, end)
        continue
      }
      if (bodyEnd > end) break
      onMessage(bytes[at] as number, bytes, at + headerBytes, bodyEnd)
      at = bodyEnd
    }
    return at
  }

  function append(chunk: Buffer): void {
    if (restEnd + chunk.length > rest.length) {
      const grown = Buffer.allocUnsafe(Math.max(rest.length * 2, restEnd + chunk.length))
      rest.copy(grown, 0, 0, restEnd)
      rest = grown
    }
    chunk.copy(rest, restEnd)
    restEnd += chunk.length
  }

  return (received) => {
    const chunk = received.subarray(Math.min(skipping, received.length))
    skipping -= received.length - chunk.length
    if (restEnd === 0) {
      const at = readWhole(chunk, chunk.length)
      if (at < chunk.length) append(chunk.subarray(at))
      return
    }
    append(chunk)
    const at = readWhole(rest, restEnd)
    if (at === 0) return
    rest.copyWithin(0, at, restEnd)
    restEnd -= at
    if (restEnd === 0) rest = Buffer.alloc(0)
  }
}
