/**
 * HTTP/1.1 and cleartext HTTP/2 on one port.
 */
import { createServer as createHttpServer, type IncomingMessage, type RequestListener } from 'node:http'
import {
  createServer as createHttp2Server,
  type Http2ServerRequest,
  type Http2ServerResponse,
  type ServerHttp2Session,
} from 'node:http2'
import { createServer as createTcpServer, type Server, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'

/** A listener of node's own requests; HTTP/2 requests have the members that it uses. */
export type Listener = RequestListener

/** Both servers behind one port. */
export interface HttpServer {
  /** Resolves with the port; rejects with node's error, `EADDRINUSE` for one. */
  listen(port: number, host: string): Promise<number>
  /** Takes no new connection, lets requests under way end within the grace, closes what is left. */
  close(graceMs: number): Promise<void>
}

/** The first bytes of every HTTP/2 connection, RFC 9113 §3.4; no HTTP/1.1 method begins like this. */
const http2Preface = 'PRI '
const headersTimeoutMs = 10_000
const requestTimeoutMs = 60_000
const keepAliveTimeoutMs = 75_000
const maxHttp2Streams = 100

/** Takes over the socket of a request that asks for another protocol. */
export type UpgradeListener = (request: IncomingMessage, socket: Duplex, head: Buffer) => void

/**
 * Makes the server.
 * @param onUpgrade without it a request to change the protocol is answered like any other
 */
export function createHttp(listener: Listener, onUpgrade?: UpgradeListener): HttpServer {
  const sockets = new Set<Socket>()
  const sessions = new Set<ServerHttp2Session>()
  /** Sockets that must not be closed yet: HTTP/1.1 with a request under way, and HTTP/2, whose sessions end by themselves. */
  const busy = new Set<Socket>()
  const http1 = createHttpServer(
    { headersTimeout: headersTimeoutMs, requestTimeout: requestTimeoutMs, keepAliveTimeout: keepAliveTimeoutMs },
    (request, response) => {
      const { socket } = request
      busy.add(socket)
      response.once('close', () => busy.delete(socket))
      listener(request, response)
    },
  )
  if (onUpgrade !== undefined) http1.on('upgrade', onUpgrade)
  const http2 = createHttp2Server({ settings: { maxConcurrentStreams: maxHttp2Streams } }, (request, response) =>
    listener(...asHttp1(request, response)),
  )
  http2.on('session', (session) => {
    sessions.add(session)
    session.on('close', () => sessions.delete(session))
  })

  const tcp = createTcpServer({ noDelay: true }, (socket) => {
    sockets.add(socket)
    socket.on('close', () => {
      sockets.delete(socket)
      busy.delete(socket)
    })
    socket.on('error', () => socket.destroy())
    // A client that says nothing is not kept: the timeouts of the HTTP servers only start with their first byte.
    socket.setTimeout(headersTimeoutMs, () => socket.destroy())
    socket.once('readable', () => {
      const first: Buffer | null = socket.read()
      if (first === null) return
      socket.setTimeout(0)
      socket.removeAllListeners('timeout')
      socket.unshift(first)
      const isHttp2 = first.toString('latin1', 0, http2Preface.length) === http2Preface
      if (isHttp2) busy.add(socket)
      if (isHttp2) http2.emit('connection', socket)
      else http1.emit('connection', socket)
    })
  })

  return {
    listen: (port, host) => listen(tcp, port, host),
    async close(graceMs) {
      if (!tcp.listening) return
      const closed = new Promise<void>((resolve) => tcp.close(() => resolve()))
      for (const session of sessions) session.close()
      for (const socket of sockets) if (!busy.has(socket)) socket.destroy()
      const timer = setTimeout(() => {
        for (const socket of sockets) socket.destroy()
      }, graceMs)
      await closed
      clearTimeout(timer)
    },
  }
}

function listen(server: Server, port: number, host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => {
      server.off('error', reject)
      const address = server.address()
      resolve(typeof address === 'object' && address !== null ? address.port : port)
    })
  })
}

/** Node's HTTP/2 compatibility objects have every member of the HTTP/1 ones that this gateway uses. */
function asHttp1(request: Http2ServerRequest, response: Http2ServerResponse): Parameters<Listener> {
  return [request, response] as unknown as Parameters<Listener>
}
