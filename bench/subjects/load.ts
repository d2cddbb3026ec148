/**
 * The load generator: HTTP/1.1 without pipelining on bare sockets, cheap enough not to be what is measured.
 */
import { Socket } from 'node:net'
import { answerParent } from './serve.ts'

/** One run. Requests are taken in turn; `requests` are whole HTTP messages. */
export interface LoadJob {
  readonly port: number
  readonly requests: readonly string[]
  /** Sockets. Closed load: each sends its next request when the last is answered. */
  readonly clients: number
  /** Requests a second, for open load: they are due at fixed times, whether or not earlier ones were answered. */
  readonly rate: number | undefined
  readonly durationMs: number
  /** Digits in each request that are another number each time, so that no two requests are the same. */
  readonly changing?: string
  /** Each answer must hold this. */
  readonly expect: string
}

/** What came of it. */
export interface LoadResult {
  readonly requests: number
  readonly perSecond: number
  /** Milliseconds from the sending, or in open load from the time when it was due, to the whole answer; ascending. */
  readonly latenciesMs: Float64Array
  /** Answers that were not 200 or did not hold `expect`. */
  readonly failures: number
  readonly firstFailure: string | undefined
}

interface Client {
  readonly socket: Socket
  /** When the request under way was sent or due; NaN for none. */
  since: number
  received: string
}

answerParent(async (job: LoadJob): Promise<LoadResult> => {
  const messages = job.requests.map((request) => Buffer.from(request, 'latin1'))
  const latencies: number[] = []
  const idle: Client[] = []
  const due: number[] = []
  let next = 0
  let failures = 0
  let firstFailure: string | undefined
  let over = false
  let finished = () => {}

  const { changing } = job
  const changingAt = messages.map((message) => (changing === undefined ? -1 : message.indexOf(changing)))

  function send(client: Client, since: number): void {
    client.since = since
    const index = next % messages.length
    const message = messages[index] as Buffer
    if (changing !== undefined) message.write(String(Number(changing) + next), changingAt[index] as number)
    next++
    client.socket.write(message)
  }

  function onData(client: Client, chunk: Buffer): void {
    client.received += chunk.toString('latin1')
    if (!isWhole(client.received)) return
    const now = performance.now()
    latencies.push(now - client.since)
    if (!client.received.startsWith('HTTP/1.1 200') || !client.received.includes(job.expect)) {
      failures++
      firstFailure ??= client.received
    }
    client.received = ''
    client.since = Number.NaN
    if (over) finished()
    else if (job.rate === undefined) send(client, now)
    else if (due.length > 0) send(client, due.shift() as number)
    else idle.push(client)
  }

  const clients = await Promise.all(Array.from({ length: job.clients }, () => connect(job.port, onData)))
  const start = performance.now()
  if (job.rate === undefined) for (const client of clients) send(client, performance.now())
  else {
    idle.push(...clients)
    await offer(job.rate, job.durationMs, (since) => {
      const client = idle.pop()
      if (client === undefined) due.push(since)
      else send(client, since)
    })
  }
  const rest = start + job.durationMs - performance.now()
  if (rest > 0) await new Promise((resolve) => setTimeout(resolve, rest))
  over = true
  const seconds = (performance.now() - start) / 1_000
  const requests = latencies.length
  // What is due and was never sent has waited until now at least: leaving it out would flatter a server that stands still.
  for (const since of due) latencies.push(performance.now() - since)
  await new Promise<void>((resolve) => {
    finished = () => {
      if (clients.every(({ since }) => Number.isNaN(since))) resolve()
    }
    finished()
  })
  for (const { socket } of clients) socket.destroy()
  const latenciesMs = Float64Array.from(latencies).sort()
  return { requests, perSecond: requests / seconds, latenciesMs, failures, firstFailure }
})

function connect(port: number, onData: (client: Client, chunk: Buffer) => void): Promise<Client> {
  return new Promise((resolve, reject) => {
    const socket = new Socket()
    const client: Client = { socket, since: Number.NaN, received: '' }
    socket.setNoDelay(true)
    socket.once('error', reject)
    socket.on('data', (chunk: Buffer) => onData(client, chunk))
    socket.connect(port, '127.0.0.1', () => resolve(client))
  })
}

/** Calls `onDue` for each request that is due, a thousand times a second at most. */
function offer(rate: number, durationMs: number, onDue: (since: number) => void): Promise<void> {
  const start = performance.now()
  let offered = 0
  return new Promise((resolve) => {
    const timer = setInterval(() => {
      const elapsed = Math.min(performance.now() - start, durationMs)
      for (; (offered * 1_000) / rate < elapsed; offered++) onDue(start + (offered * 1_000) / rate)
      if (elapsed < durationMs) return
      clearInterval(timer)
      resolve()
    }, 1)
  })
}

/** Whether a whole answer has arrived; every subject sends Content-Length. */
function isWhole(text: string): boolean {
  const headEnd = text.indexOf('\r\n\r\n')
  if (headEnd < 0) return false
  const length = /\r\ncontent-length: *(\d+)/i.exec(text)?.[1]
  return length !== undefined && text.length >= headEnd + 4 + Number(length)
}
