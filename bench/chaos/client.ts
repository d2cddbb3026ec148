/**
 * Sends requests as an HTTP client with patience and without: some are broken off while they are under way. HTTP/1.1 on a bare
 * socket, as Node's client takes as long for a request as the gateway does.
 */
import { Socket } from 'node:net'

/** What became of one request. */
export type Answer =
  | {
      readonly kind: 'answered'
      readonly status: number
      readonly body: unknown
      readonly tookMs: number
      /** The header `Rowpass-Seen`. */
      readonly seen: string | undefined
    }
  | { readonly kind: 'aborted' }
  | { readonly kind: 'lost'; readonly reason: string }

/** How to send one. */
export interface Sending {
  readonly token: string
  readonly body: object
  /** The header `Rowpass-Seen`; none by default. */
  readonly seen?: string | undefined
  /** Breaks the request off after this time, unless it was answered before. */
  readonly abortAfterMs?: number | undefined
}

/** A request that is not answered in this time is lost. */
const patienceMs = 20_000

/** Connects to `POST /sql` on a port of 127.0.0.1, and sends one request at a time. */
export class ChaosClient {
  readonly #port: number
  #socket: Socket | undefined

  constructor(port: number) {
    this.#port = port
  }

  send({ token, body, seen, abortAfterMs }: Sending): Promise<Answer> {
    const startedAt = performance.now()
    const socket = this.#open()
    const text = JSON.stringify(body)
    return new Promise((resolve) => {
      let received: Buffer = Buffer.alloc(0)
      const onData = (chunk: Buffer) => {
        received = received.length === 0 ? chunk : Buffer.concat([received, chunk])
        const message = parseMessage(received)
        if (message === undefined) return
        if (message.last) this.close()
        settle({ kind: 'answered', ...message, body: parse(message.body), tookMs: performance.now() - startedAt })
      }
      const onEnd = (error: unknown) =>
        giveUp({ kind: 'lost', reason: error instanceof Error ? error.message : 'the connection was closed' })
      const giveUp = (answer: Answer) => {
        this.close()
        settle(answer)
      }
      const patience = setTimeout(() => giveUp({ kind: 'lost', reason: `no answer in ${patienceMs} ms` }), patienceMs)
      const impatience =
        abortAfterMs === undefined ? undefined : setTimeout(() => giveUp({ kind: 'aborted' }), abortAfterMs)
      function settle(answer: Answer): void {
        clearTimeout(patience)
        clearTimeout(impatience)
        socket.off('data', onData).off('error', onEnd).off('close', onEnd)
        resolve(answer)
      }
      socket.on('data', onData).on('error', onEnd).on('close', onEnd)
      socket.write(
        `POST /sql HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer ${token}\r\n` +
          `content-length: ${Buffer.byteLength(text)}\r\n${seen === undefined ? '' : `rowpass-seen: ${seen}\r\n`}` +
          'neon-connection-string: postgresql://authenticated@db.example.test/rowpass\r\n' +
          `neon-raw-text-output: true\r\n\r\n${text}`,
      )
    })
  }

  close(): void {
    this.#socket?.destroy()
    this.#socket = undefined
  }

  /** The one that is open, unless the gateway has left it. */
  #open(): Socket {
    const left = this.#socket
    if (left !== undefined && !left.destroyed && left.readable && left.writable) return left
    left?.destroy()
    const socket = new Socket()
    socket.setNoDelay(true)
    // Between two requests as well.
    socket.on('error', () => {})
    socket.connect(this.#port, '127.0.0.1')
    this.#socket = socket
    return socket
  }
}

const [lengthPattern, seenPattern, lastPattern] = [
  /\r\ncontent-length: *(\d+)/i,
  /\r\nrowpass-seen: *([^\r]+)/i,
  /\r\nconnection: *close/i,
]

interface Message {
  readonly status: number
  readonly body: string
  readonly seen: string | undefined
  /** Whether the connection ends with it. */
  readonly last: boolean
}

/** @returns undefined while it is not whole; every answer of a gateway says its length */
function parseMessage(received: Buffer): Message | undefined {
  const headEnd = received.indexOf('\r\n\r\n')
  if (headEnd < 0) return undefined
  const head = received.toString('latin1', 0, headEnd)
  const length = Number(lengthPattern.exec(head)?.[1] ?? 0)
  if (received.length < headEnd + 4 + length) return undefined
  return {
    status: Number(head.slice(9, 12)),
    body: received.toString('utf8', headEnd + 4, headEnd + 4 + length),
    seen: seenPattern.exec(head)?.[1],
    last: lastPattern.test(head),
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
