/**
 * The flooder: one token holder who sends the same body again as soon as it is answered, on several sockets. It has the
 * lowest priority, as if it were on a machine of its own.
 */
import { Socket } from 'node:net'
import { setPriority } from 'node:os'
import { answerParent } from './serve.ts'

/** One flood. */
export interface FloodJob {
  readonly port: number
  /** The lines of the head that every request has. */
  readonly head: string
  /** The first {@link changing} in it is another text each time. */
  readonly body: string
  readonly sockets: number
  /** Whether the answers are read; else each socket sends one request. */
  readonly reads: boolean
  readonly durationMs: number
}

/** How many answers came, by their status; `closed` for connections that ended without one. */
export type FloodResult = Readonly<Record<string, number>>

/** What is replaced by a number, so that no text is known. */
export const changing = 'a0000000'

setPriority(19)
let count = 0

answerParent(async ({ port, head, body, sockets, reads, durationMs }: FloodJob): Promise<FloodResult> => {
  const bytes = Buffer.from(body)
  const at = bytes.indexOf(changing)
  const start = Buffer.from(`POST /sql HTTP/1.1\r\n${head}content-length: ${bytes.length}\r\n\r\n`)
  const answers: Record<string, number> = {}
  const open = new Set<Socket>()
  let over = false

  function connect(): void {
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
      if (reads) setTimeout(connect, 10)
    })
    socket.connect(port, '127.0.0.1', send)
    if (!reads) socket.pause()
  }

  for (let index = 0; index < sockets; index++) connect()
  await new Promise((resolve) => setTimeout(resolve, durationMs))
  over = true
  for (const socket of open) socket.destroy()
  return answers
})
