/**
 * HTTP/1.1 and cleartext HTTP/2 on one port.
 */
import {
  createServer as createHttpServer,
  type IncomingMessage,
  type RequestListener,
  type ServerResponse,
} from 'node:http'
import {
  constants,
  createServer as createHttp2Server,
  type Http2ServerRequest,
  type Http2ServerResponse,
  type ServerHttp2Session,
} from 'node:http2'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { createAnswering } from './answering.ts'
import { clientErrorAnswer, headersTooLarge } from './client-error.ts'
import { bind } from './listen.ts'

/** A listener of node's own requests; HTTP/2 requests have the members that it uses. */
export type Listener = RequestListener

/** Both servers behind one port. */
export interface HttpServer {
  /** Resolves with the port; rejects with node's error, `EADDRINUSE` for one. */
  listen(port: number, host: string): Promise<number>
  /** Serves a connection that another process has accepted; nothing of it was read. */
  accept(socket: Socket): void
  /** Sends the body, of so many bytes, and ends the response. A client that does not read it loses its connection after `stallMs`. */
  end(response: ServerResponse, body: readonly Buffer[], length: number): void
  /**
   * Takes no new connection, lets requests under way end within the grace, closes what is left. Resolves with the number of
   * connections that were cut off.
   */
  close(graceMs: number): Promise<number>
}

/** The first bytes of every HTTP/2 connection, RFC 9113 §3.4; no HTTP/1.1 method begins like this. */
const http2Preface = 'PRI '
const headersTimeoutMs = 10_000
const requestTimeoutMs = 60_000
const keepAliveTimeoutMs = 75_000
const maxStallMs = 30_000
const maxHttp2Streams = 100
/** A token may have 16 KiB. Both protocols take as much; HTTP/2 counts 32 bytes more for each line, RFC 9113 §6.5.2. */
const maxHeaderBytes = 24 * 1024
/** More than that resets the stream without an answer: up to it a client is told what is wrong. */
const maxHttp2HeaderBytes = 4 * maxHeaderBytes
const maxHttp2HeaderPairs = 1_024

/** Takes over the socket of a request that asks for another protocol. */
export type UpgradeListener = (request: IncomingMessage, socket: Duplex, head: Buffer) => void

/** How long a client may take, in milliseconds. */
export interface HttpTimeouts {
  /** From the connection, or the end of the request before, to the end of the headers; default 10,000. */
  readonly headersMs?: number
  /** To the end of the body; default 60,000. */
  readonly requestMs?: number
  /** Between two requests of one connection; default 75,000. */
  readonly idleMs?: number
  /** Without taking any of an answer that waits for it; default 30,000. */
  readonly stallMs?: number
}

/** The request of an HTTP/1.1 connection that is not answered yet. */
interface UnderWay {
  readonly request: IncomingMessage
  readonly response: ServerResponse
}

/**
 * Makes the server.
 * @param onUpgrade without it a request to change the protocol is answered like any other
 */
export function createHttp(listener: Listener, onUpgrade?: UpgradeListener, timeouts: HttpTimeouts = {}): HttpServer {
  const { headersMs = headersTimeoutMs, requestMs = requestTimeoutMs, idleMs = keepAliveTimeoutMs } = timeouts
  const answering = createAnswering(timeouts.stallMs ?? maxStallMs)
  const sockets = new Set<Socket>()
  /** Sockets that must not be closed yet: HTTP/1.1 with a request under way, and HTTP/2, whose sessions end by themselves. */
  const busy = new Set<Socket>()
  /** The newest request of each HTTP/1.1 connection, until it is answered. */
  const underWay = new WeakMap<Duplex, UnderWay>()
  const sessions = new Set<ServerHttp2Session>()
  let whenLast: (() => void) | undefined
  let watched = false
  const http1 = createHttpServer(
    {
      headersTimeout: headersMs,
      requestTimeout: requestMs,
      keepAliveTimeout: idleMs,
      connectionsCheckingInterval: Math.min(headersMs, 1_000),
      maxHeaderSize: maxHeaderBytes,
      noDelay: true,
    },
    (request, response) => {
      const { socket } = request
      const current = { request, response }
      busy.add(socket)
      underWay.set(socket, current)
      response.once('close', () => {
        if (underWay.get(socket) !== current) return
        underWay.delete(socket)
        busy.delete(socket)
      })
      listener(request, response)
    },
  )
  const refused = new WeakSet<Duplex>()
  http1.on('clientError', (error, socket) => {
    // Whatever else comes in is an error again.
    if (refused.has(socket)) return
    refused.add(socket)
    const current = underWay.get(socket)
    const refuse = (): void => {
      if (socket.writable) socket.end(clientErrorAnswer(error))
      else socket.destroy()
    }
    // What is wrong came behind a request that is whole: that one is answered first.
    if (current?.request.complete) current.response.once('close', refuse)
    else if (current?.response.headersSent) socket.destroy()
    else refuse()
  })
  if (onUpgrade !== undefined) {
    http1.on('upgrade', (request, socket, head) => {
      const upgrade = (): void => {
        if (request.headers.upgrade?.toLowerCase() !== 'websocket') {
          // RFC 9110 §7.8: a server may ignore an offer to change the protocol; some clients offer h2c with every request.
          request.socket.setTimeout(0)
          socket.unshift(Buffer.concat([withoutUpgrade(request), head]))
          http1.emit('connection', socket)
          return
        }
        busy.add(request.socket)
        onUpgrade(request, socket, head)
      }
      // Answers leave in the order of their requests, RFC 9112 §9.3.2: not before that of the request in front.
      const current = underWay.get(socket)
      if (current === undefined) upgrade()
      else current.response.once('close', () => socket.destroyed || upgrade())
    })
  }
  const http2Options = {
    settings: { maxConcurrentStreams: maxHttp2Streams, maxHeaderListSize: maxHttp2HeaderBytes },
    maxHeaderListPairs: maxHttp2HeaderPairs,
  }
  const http2 = createHttp2Server(http2Options, (request, response) => {
    limitBody(request, requestMs)
    if (headerBytes(request.rawHeaders) > maxHeaderBytes) {
      const { status, headers, body } = headersTooLarge()
      response.writeHead(status, headers).end(Buffer.concat(body))
    } else listener(...asHttp1(request, response))
  })
  http2.on('session', (session) => {
    sessions.add(session)
    session.on('close', () => sessions.delete(session))
    // Graceful: streams that are open end first.
    session.setTimeout(idleMs, () => session.close())
  })

  // Its first bytes tell which protocol a connection speaks; until then neither server has seen it.
  const acceptHttp1 = http1.listeners('connection') as ((socket: Socket) => void)[]
  http1.removeAllListeners('connection')
  http1.on('connection', (socket: Socket) => {
    const silence = setTimeout(() => socket.destroy(), headersMs)
    sockets.add(socket)
    socket.on('close', () => {
      clearTimeout(silence)
      sockets.delete(socket)
      busy.delete(socket)
      if (sockets.size === 0) whenLast?.()
    })
    socket.on('error', () => socket.destroy())
    socket.once('readable', () => {
      clearTimeout(silence)
      const first: Buffer | null = socket.read()
      if (first === null) return
      socket.unshift(first)
      if (first.toString('latin1', 0, http2Preface.length) === http2Preface) {
        busy.add(socket)
        // The HTTP/1.1 server keeps sockets that the client has closed; an HTTP/2 session would never hear of it.
        socket.allowHalfOpen = false
        http2.emit('connection', socket)
      } else for (const accept of acceptHttp1) accept.call(http1, socket)
    })
  })

  return {
    listen: (port, host) => bind(http1, port, host),
    accept(socket) {
      // Node watches how long headers and bodies take from then on.
      if (!watched && !http1.listening) http1.emit('listening')
      watched = true
      // What node's server sets on those that it accepts.
      socket.allowHalfOpen = true
      socket.setNoDelay(true)
      http1.emit('connection', socket)
    },
    end: answering.end,
    async close(graceMs) {
      let cutOff = 0
      http1.close()
      const closed = new Promise<void>((resolve) => {
        if (sockets.size === 0) resolve()
        whenLast = resolve
      })
      for (const session of sessions) session.close()
      for (const socket of sockets) if (!busy.has(socket)) socket.destroy()
      const timer = setTimeout(() => {
        cutOff = sockets.size
        for (const socket of sockets) socket.destroy()
      }, graceMs)
      await closed
      clearTimeout(timer)
      answering.close()
      return cutOff
    },
  }
}

/** What `requestTimeout` does for HTTP/1.1. */
function limitBody(request: Http2ServerRequest, requestMs: number): void {
  if (request.stream.endAfterHeaders) return
  const timer = setTimeout(() => request.stream.close(constants.NGHTTP2_CANCEL), requestMs)
  for (const event of ['end', 'close'] as const) request.once(event, () => clearTimeout(timer))
}

function headerBytes(rawHeaders: readonly string[]): number {
  return rawHeaders.reduce((sum, text) => sum + text.length, 0)
}

/** The head of a request as it came, but for the offer to change the protocol. */
function withoutUpgrade({ method, url, httpVersion, rawHeaders }: IncomingMessage): Buffer {
  const lines = [`${method} ${url} HTTP/${httpVersion}`]
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] as string
    if (!/^(connection|upgrade|http2-settings)$/i.test(name)) lines.push(`${name}: ${rawHeaders[index + 1]}`)
  }
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1')
}

/** Node's HTTP/2 compatibility objects have every member of the HTTP/1 ones that this gateway uses. */
function asHttp1(request: Http2ServerRequest, response: Http2ServerResponse): Parameters<Listener> {
  return [request, response] as unknown as Parameters<Listener>
}
