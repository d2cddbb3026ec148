/**
 * An HTTP server on loopback whose handler can be replaced, as a deployment does, and that counts requests.
 */
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A running server. */
export interface Host {
  readonly origin: string
  serve(handler: RequestListener): void
  /** The same for a handler of web standards. */
  serveFetch(handler: (request: Request) => Response | Promise<Response>): void
  hits(path: string): number
  close(): Promise<void>
}

/** Starts one that answers 404. */
export async function startHost(): Promise<Host> {
  const hits = new Map<string, number>()
  let serve: RequestListener = (_, response) => response.writeHead(404).end()
  const server = createServer((request, response) => {
    const path = request.url?.split('?', 1)[0] ?? ''
    hits.set(path, (hits.get(path) ?? 0) + 1)
    serve(request, response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    origin,
    serve(handler) {
      serve = handler
    },
    serveFetch(handler) {
      serve = (request, response) => void answer(origin, request, response, handler)
    },
    hits: (path) => hits.get(path) ?? 0,
    close() {
      server.closeAllConnections()
      return new Promise((resolve) => server.close(() => resolve()))
    },
  }
}

async function answer(
  origin: string,
  request: IncomingMessage,
  response: ServerResponse,
  handler: (request: Request) => Response | Promise<Response>,
): Promise<void> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk)
  const body = chunks.length === 0 ? null : Buffer.concat(chunks)
  const headers = Object.entries(request.headers).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, String(value)] as [string, string]],
  )
  const reply = await handler(
    new Request(`${origin}${request.url}`, { method: request.method ?? 'GET', headers, body }),
  )
  response.writeHead(reply.status, Object.fromEntries(reply.headers)).end(Buffer.from(await reply.arrayBuffer()))
}
