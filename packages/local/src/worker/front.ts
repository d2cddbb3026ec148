/**
 * Stands in front of wrangler's server, which lets any client choose the host and the URL that the Worker sees, by a
 * header of its own (`MF-Original-URL`). It also knows what the Worker does not: the other end of the connection.
 */
import { randomBytes } from 'node:crypto'
import { Agent, request as ask, createServer, type IncomingMessage, type ServerResponse } from 'node:http'

/** The header with the address of the client; a client's own is left out. */
export const peerHeader = 'Rowpass-Peer-Address'
/** The header that shows the Worker that a request came this way. */
const secretHeader = 'Rowpass-Front'

/** Wrangler's headers, ours, and those of the connection alone (RFC 9110 §7.6.1). */
const notForwarded = /^(mf-.*|rowpass-.*|connection|keep-alive|expect|upgrade|proxy-.*)$/i

/** Requests on their way to the Worker. */
export interface ApiFront {
  /** What the Worker has to be told, to refuse requests that come to wrangler's port past this one. */
  readonly bindings: { readonly FRONT_SECRET: string }
  /**
   * Starts to listen on a port of 127.0.0.1.
   * @param worker where wrangler listens
   * @throws node's error, `EADDRINUSE` for one
   */
  listen(port: number, worker: URL): Promise<void>
}

/** Makes the front. It lives as long as its process. */
export function createApiFront(): ApiFront {
  const secret = randomBytes(32).toString('base64url')
  const agent = new Agent({ keepAlive: true })

  function forward(worker: URL, request: IncomingMessage, response: ServerResponse): void {
    const { method, url: path, socket } = request
    const { hostname: host, port } = worker
    const headers = [...forwarded(request), secretHeader, secret, peerHeader, socket.remoteAddress ?? '']
    const onward = ask({ agent, host, port, method, path, headers, setHost: false })
    onward.on('response', (answer) => {
      response.writeHead(answer.statusCode ?? 502, forwarded(answer))
      answer.pipe(response)
      answer.on('error', () => response.destroy())
    })
    onward.on('error', () => {
      if (response.headersSent) response.destroy()
      else response.writeHead(502, { 'content-type': 'text/plain' }).end('The API does not answer\n')
    })
    response.on('close', () => onward.destroy())
    request.pipe(onward)
  }

  return {
    bindings: { FRONT_SECRET: secret },
    listen(port, worker) {
      const server = createServer((request, response) => forward(worker, request, response))
      return new Promise((resolve, reject) => {
        server.once('error', reject).listen(port, '127.0.0.1', resolve)
      })
    },
  }
}

/** The headers that go on, names and values in turn, each as often as it came. */
function forwarded({ rawHeaders }: IncomingMessage): string[] {
  return rawHeaders.filter((_, index) => !notForwarded.test(rawHeaders[index - (index % 2)] ?? ''))
}
