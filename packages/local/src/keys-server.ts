/**
 * Publishes the public key that a local system's tokens are verified with.
 */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { jwksMaxAgeSeconds, type SigningKey, toJwks } from 'rowpass/issuer'

/** A server of one document. */
export interface KeysServer {
  /** Without a path; the keys are at `/.well-known/jwks.json` below it. */
  readonly url: string
  close(): Promise<void>
}

/** Listens on 127.0.0.1, on any free port. */
export async function serveKeys({ publicJwk }: SigningKey): Promise<KeysServer> {
  const body = JSON.stringify(toJwks([publicJwk]))
  const headers = { 'content-type': 'application/jwk-set+json', 'cache-control': `max-age=${jwksMaxAgeSeconds}` }
  const server = createServer((request, response) => {
    const found = request.method === 'GET' && request.url === '/.well-known/jwks.json'
    if (found) response.writeHead(200, headers).end(body)
    else response.writeHead(404).end()
  })
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo // of a TCP server that listens
  return {
    url: `http://127.0.0.1:${port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
