/**
 * What a WebSocket client sends: taken by numbers of bytes while the session starts, handed on as it comes afterwards.
 */
import type { WebSocket } from 'ws'
import { Failure } from '../../errors.ts'
import type { ByteSource } from './startup.ts'

/** The bytes of one client. */
export interface Inbox extends ByteSource {
  /** Hands on what has arrived and was not read, and from then on each message. */
  pour(into: (bytes: Buffer) => void): void
}

/** The first query may come with the password; beyond this the client has to wait until it is logged in. */
const maxWaitingBytes = 64 * 1024
/** RFC 6455 §7.4.1: the data is of a type that cannot be accepted. */
const unsupportedData = 1003

/** Listens to a client. Text messages end the connection. */
export function createInbox(webSocket: WebSocket): Inbox {
  let waiting: Buffer[] = []
  let waitingBytes = 0
  let pouring: ((bytes: Buffer) => void) | undefined
  let wake = (): void => {}

  webSocket.on('message', (data: Buffer, isBinary) => {
    if (!isBinary) {
      webSocket.close(unsupportedData, 'binary messages only')
      return
    }
    if (pouring !== undefined) {
      pouring(data)
      return
    }
    if (data.length === 0) return
    waiting.push(data)
    waitingBytes += data.length
    if (waitingBytes > maxWaitingBytes) webSocket.pause()
    wake()
  })
  webSocket.on('close', () => wake())

  function take(bytes: number): Buffer {
    const [first = Buffer.alloc(0), ...others] = waiting
    const all = others.length === 0 ? first : Buffer.concat(waiting)
    waiting = [all.subarray(bytes)]
    waitingBytes -= bytes
    return all.subarray(0, bytes)
  }

  return {
    async read(bytes) {
      while (waitingBytes < bytes) {
        if (webSocket.readyState !== webSocket.OPEN) {
          throw new Failure('request_invalid', { detail: 'the client went away during startup' })
        }
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
      return take(bytes)
    },
    pour(into) {
      pouring = into
      webSocket.resume()
      if (waitingBytes > 0) into(Buffer.concat(waiting))
      waiting = []
    },
  }
}
