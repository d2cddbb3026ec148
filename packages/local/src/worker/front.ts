/**
 * Stands in front of wrangler's server, which lets any client choose the host and the URL that the Worker sees, by a
 * header of its own (`MF-Original-URL`). It also knows what the Worker does not: the other end of the connection.
 */
import { randomBytes } from 'node:crypto'
import { Agent, request as ask, createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { isHost } from 'rowpass/issuer'

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
  /** Keeps requests waiting, until it passes them on again or fails; at most {@link longestBuildMs}. */
  hold(): void
  /** Passes requests on, those that wait too. */
  open(): void
  /**
   * Answers every request with 500, also those that the Worker has not answered yet, until it passes them on again.
   * @param text the reason, shown to who reaches it as this machine
   */
  fail(text: string): void
}

/** How long a request waits for a build that says nothing. */
const longestBuildMs = 30_000

/** Makes the front. It lives as long as its process. */
export function createApiFront(): ApiFront {
  const secret = randomBytes(32).toString('base64url')
  const agent = new Agent({ keepAlive: true })
  const unanswered = new Map<ServerResponse, IncomingMessage>()
  let waiting: (() => void)[] = []
  let state: 'open' | 'held' | { readonly failed: string } = 'open'
  let deadline: NodeJS.Timeout | undefined

  function receive(worker: URL, request: IncomingMessage, response: ServerResponse): void {
    unanswered.set(response, request)
    response.on('close', () => unanswered.delete(response))
    if (state === 'open') forward(worker, request, response)
    else if (state === 'held') waiting.push(() => forward(worker, request, response))
    else refuse(request, response, state.failed)
  }

  function forward(worker: URL, request: IncomingMessage, response: ServerResponse): void {
    if (response.headersSent || response.destroyed) return
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
      const server = createServer((request, response) => receive(worker, request, response))
      return new Promise((resolve, reject) => {
        server.once('error', reject).listen(port, '127.0.0.1', resolve)
      })
    },
    hold() {
      turn('held')
      deadline = setTimeout(() => this.fail('It is still being built.'), longestBuildMs).unref()
    },
    open: () => turn('open'),
    fail: (text) => turn({ failed: text }),
  }

  function turn(next: typeof state): void {
    clearTimeout(deadline)
    state = next
    if (next === 'held') return
    const released = waiting
    waiting = []
    if (next === 'open') for (const go of released) go()
    else for (const [response, request] of unanswered) refuse(request, response, next.failed)
  }
}

/** The reason quotes source code, which a page of another name that points here has no right to. */
function refuse({ headers }: IncomingMessage, response: ServerResponse, reason: string): void {
  if (response.headersSent) return
  const text = isHost(headers.host, new Set()) ? reason : 'The reason is in the terminal.'
  response
    .writeHead(500, {
      'content-type': 'text/plain; charset=utf-8',
      'cache-control': 'no-store',
      'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
      'x-content-type-options': 'nosniff',
      connection: 'close',
    })
    .end(`The API does not run: its code has an error. Save the file again once it is corrected.\n\n${text}\n`)
}

/** The headers that go on, names and values in turn, each as often as it came. */
function forwarded({ rawHeaders }: IncomingMessage): string[] {
  return rawHeaders.filter((_, index) => !notForwarded.test(rawHeaders[index - (index % 2)] ?? ''))
}
