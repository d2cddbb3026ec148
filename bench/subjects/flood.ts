/**
 * The flooder: token holders who send the same bodies again as soon as they are answered, on several sockets. It has the
 * lowest priority, as if it were on a machine of its own.
 */
import { Socket } from 'node:net'
import { setPriority } from 'node:os'
import { answerParent } from './serve.ts'

/** What is sent. */
export interface Flood {
  /** The first {@link changing} in it is another text each time. */
  readonly body: string
  readonly sockets: number
  /** Whether the answers are read; else each socket sends one request. */
  readonly reads: boolean
}

/** Floods at the same time. */
export interface FloodJob {
  readonly port: number
  /** The lines of the head that every request has: one for each token holder, who take turns by socket. */
  readonly heads: readonly string[]
  readonly floods: readonly Flood[]
  readonly durationMs: number
  /** Whether it takes its full part of the machine, as is needed to fill memory where others are at work. */
  readonly eager: boolean
}

/** How many answers came, by their status; `closed` for connections that ended without one. */
export type FloodResult = Readonly<Record<string, number>>

/** What is replaced by a number, so that no text is known. */
export const changing = 'a0000000'

let isLow = false
let count = 0

answerParent(async ({ port, heads, floods, durationMs, eager }: FloodJob): Promise<FloodResult> => {
  // It cannot be raised again without a right to.
  if (!eager && !isLow) setPriority(19)
  isLow ||= !eager
  const answers: Record<string, number> = {}
  const open = new Set<Socket>()
  let over = false

  function connect(start: Buffer, bytes: Buffer, at: number, reads: boolean): void {
    const socket = new Socket()
    open.add(socket)
    let received = 0
    let expected = Number.POSITIVE_INFINITY
    let status = 'closed'
    const send = () => {
      ;[received, expected, status] = [0, Number.POSITIVE_INFINITY, 'closed']
      if (at >= 0) bytes.write(String(count++).padStart(7, '0'), at + 1)
      socket.write(start)
      // The bytes are not copied: what is not sent yet changes with the next one, and is as new.
      socket.write(bytes)
    }
    socket.on('data', (chunk: Buffer) => {
      if (received === 0) {
        const text = chunk.toString('latin1')
        status = text.slice(9, 12)
        expected = text.indexOf('\r\n\r\n') + 4 + Number(/content-length: *(\d+)/i.exec(text)?.[1] ?? 0)
      }
      received += chunk.length
      if (received < expected) return
      answers[status] = (answers[status] ?? 0) + 1
      if (!over) send()
    })
    socket.on('error', () => {})
    socket.on('close', () => {
      open.delete(socket)
      if (over) return
      answers.closed = (answers.closed ?? 0) + 1
      if (reads) setTimeout(() => connect(start, bytes, at, reads), 10)
    })
    socket.connect(port, '127.0.0.1', send)
    if (!reads) socket.pause()
  }

  let holder = 0
  for (const { body, sockets, reads } of floods) {
    const bytes = Buffer.from(body)
    const at = bytes.indexOf(changing)
    for (let index = 0; index < sockets; index++) {
      const head = heads[holder++ % heads.length]
      connect(Buffer.from(`POST /sql HTTP/1.1\r\n${head}content-length: ${bytes.length}\r\n\r\n`), bytes, at, reads)
    }
  }
  await new Promise((resolve) => setTimeout(resolve, durationMs))
  over = true
  for (const socket of open) socket.destroy()
  return answers
})
