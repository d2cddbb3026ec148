/**
 * Sends requests as an HTTP client with patience and without: some are broken off while they are under way.
 */
import { Agent, request as httpRequest } from 'node:http'

/** What became of one request. */
export type Answer =
  | { readonly kind: 'answered'; readonly status: number; readonly body: unknown; readonly tookMs: number }
  | { readonly kind: 'aborted' }
  | { readonly kind: 'lost'; readonly reason: string }

/** A client with sockets of its own. */
export interface ChaosClient {
  /** @param abortAfterMs breaks the request off after this time, unless it was answered before */
  send(token: string, body: object, abortAfterMs?: number): Promise<Answer>
  close(): void
}

/** A request that is not answered in this time is lost. */
const patienceMs = 20_000

/** Connects to `POST /sql` on a port of 127.0.0.1. */
export function createChaosClient(port: number, sockets: number): ChaosClient {
  const agent = new Agent({ keepAlive: true, maxSockets: sockets, noDelay: true })
  return {
    send: (token, body, abortAfterMs) => send(agent, port, token, JSON.stringify(body), abortAfterMs),
    close: () => agent.destroy(),
  }
}

function send(agent: Agent, port: number, token: string, body: string, abortAfterMs?: number): Promise<Answer> {
  const startedAt = performance.now()
  return new Promise((resolve) => {
    let aborted = false
    const headers = {
      authorization: `Bearer ${token}`,
      'content-length': Buffer.byteLength(body),
      'neon-connection-string': 'postgresql://authenticated@db.example.test/rowpass',
      'neon-raw-text-output': 'true',
    }
    const request = httpRequest(
      { agent, host: '127.0.0.1', port, method: 'POST', path: '/sql', headers },
      (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.on('error', fail)
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString()
          const status = response.statusCode ?? 0
          settle({ kind: 'answered', status, body: parse(text), tookMs: performance.now() - startedAt })
        })
      },
    )
    const patience = setTimeout(() => request.destroy(new Error(`no answer in ${patienceMs} ms`)), patienceMs)
    const impatience =
      abortAfterMs === undefined
        ? undefined
        : setTimeout(() => {
            aborted = true
            request.destroy()
          }, abortAfterMs)

    function settle(answer: Answer): void {
      clearTimeout(patience)
      clearTimeout(impatience)
      resolve(answer)
    }
    function fail(error: Error): void {
      settle(aborted ? { kind: 'aborted' } : { kind: 'lost', reason: error.message })
    }
    request.on('error', fail)
    request.on('close', () => fail(new Error('the connection was closed')))
    request.end(body)
  })
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
