/**
 * A server for one program alone, the API of the same project: on loopback, at a port and with a secret of this run.
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A body, or a status without one. */
export type LoopbackAnswer = object | number

/** One that listens. */
export interface LoopbackServer {
  /** Ends with a slash. */
  readonly url: string
  /** The bearer token of every question. */
  readonly secret: string
  close(): Promise<void>
}

/** What it answers, and how many at once. */
export interface LoopbackOptions {
  /** By path. What one throws is 503. */
  readonly answers: Readonly<Record<string, (question: unknown) => Promise<LoopbackAnswer>>>
  /** Questions under way; a further one is answered with 503 at once. */
  readonly maxQuestions: number
}

const maxBodyBytes = 64 * 1024

/**
 * Starts to listen on a free port of 127.0.0.1.
 *
 * `POST` with the secret as bearer token and JSON gives what the path answers; 403 without the secret, 404 for another path.
 */
export async function startLoopback({ answers, maxQuestions }: LoopbackOptions): Promise<LoopbackServer> {
  const secret = randomBytes(32).toString('base64url')
  let questions = 0
  const server = createServer({ requestTimeout: 5_000, headersTimeout: 5_000 }, (request, response) => {
    if (request.method !== 'POST' || !isSame(request.headers.authorization ?? '', `Bearer ${secret}`)) {
      return end(response, 403)
    }
    const path = request.url ?? ''
    const answer = Object.hasOwn(answers, path) ? answers[path] : undefined
    if (answer === undefined) return end(response, 404)
    if (questions >= maxQuestions) return end(response, 503)
    questions++
    readJson(request)
      .then(answer)
      .then(
        (result) => (typeof result === 'number' ? end(response, result) : end(response, 200, result)),
        () => end(response, 503),
      )
      .finally(() => questions--)
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(0, '127.0.0.1', resolve)
  })
  const { port } = server.address() as AddressInfo // it listens on TCP
  return {
    url: `http://127.0.0.1:${port}/`,
    secret,
    close() {
      server.closeAllConnections()
      return new Promise((resolve) => server.close(() => resolve()))
    },
  }
}

function end(response: ServerResponse, status: number, body?: object): void {
  const text = body === undefined ? '' : JSON.stringify(body)
  // A connection that is kept may close just when the next question is sent on it.
  const headers = { 'content-type': 'application/json', 'cache-control': 'no-store', connection: 'close' }
  response.writeHead(status, headers).end(text)
}

/** @returns undefined for what is too long or no JSON */
async function readJson(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of request) {
    bytes += chunk.length
    if (bytes > maxBodyBytes) return undefined
    chunks.push(chunk)
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8'))
  } catch {
    return undefined
  }
}

/** Takes as long for any text: hashes of equal length are compared. */
function isSame(given: string, expected: string): boolean {
  const hash = (text: string) => createHash('sha256').update(text).digest()
  return timingSafeEqual(hash(given), hash(expected))
}
