/**
 * An HTTP server on loopback whose handler can be replaced, that counts what it is asked for, and that can go away.
 */
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A place on the web. The port stays the same when it stops and starts again. */
export interface Host {
  readonly origin: string
  /** Puts another handler in place, as a new deployment does. */
  serve(handler: RequestListener): void
  /** How many requests have come for a path. */
  hits(path: string): number
  /** Ends every connection and refuses new ones; nothing when it has stopped already. */
  stop(): Promise<void>
  start(): Promise<void>
}

/** Starts a host that answers 404. */
export async function startHost(): Promise<Host> {
  const hits = new Map<string, number>()
  let serve: RequestListener = (_, response) => response.writeHead(404).end()
  const server = createServer((request, response) => {
    const path = request.url?.split('?', 1)[0] ?? ''
    hits.set(path, (hits.get(path) ?? 0) + 1)
    serve(request, response)
  })
  const listen = (port: number) => new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  await listen(0)
  const { port } = server.address() as AddressInfo
  return {
    origin: `http://127.0.0.1:${port}`,
    serve(handler) {
      serve = handler
    },
    hits: (path) => hits.get(path) ?? 0,
    stop() {
      const stopped = new Promise<void>((resolve) => server.close(() => resolve()))
      server.closeAllConnections()
      return stopped
    },
    start: () => listen(port),
  }
}
