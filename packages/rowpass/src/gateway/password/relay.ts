/**
 * Copies bytes between a WebSocket and a session of PostgreSQL until one of them ends; then it ends the other.
 */
import type { EventEmitter } from 'node:events'
import type { Duplex } from 'node:stream'
import type { WebSocket } from 'ws'
import { requestCancel, type Session } from '../../postgres/session.ts'
import type { Inbox } from './inbox.ts'

/** Limits of one relay. */
export interface RelayOptions {
  /** How often a silent client is asked for a sign of life; one that gives none until the next time is gone. */
  readonly heartbeatMs: number
  /** How long a cancel request may take to reach the server. */
  readonly connectTimeoutMs: number
}

/** How a session went. */
export interface RelayReport {
  readonly endedBy: 'client' | 'database'
  readonly bytesReceived: number
  readonly bytesSent: number
}

/** Bytes that may wait for a side that is slow to read before the other is read no further. */
const maxWaitingBytes = 1024 * 1024
/** How long a server may take to end an idle session; one that takes longer is running something. */
const endGraceMs = 100
/** The message with which a client ends its session. */
const terminate = Buffer.from([0x58, 0, 0, 0, 4])
/** RFC 6455 §7.4.1: normal closure. */
const normalClosure = 1000

/** Resolves when both sides are closed. A query that still runs for a client that has gone is cancelled. */
export async function relay(
  webSocket: WebSocket,
  inbox: Inbox,
  session: Session,
  options: RelayOptions,
): Promise<RelayReport> {
  const { stream } = session
  const report = { endedBy: 'client' as RelayReport['endedBy'], bytesReceived: 0, bytesSent: 0 }
  const life = watch(webSocket, options.heartbeatMs)

  stream.on('data', (bytes: Buffer) => {
    report.bytesSent += bytes.length
    webSocket.send(bytes, () => {
      life.taken()
      if (webSocket.bufferedAmount <= maxWaitingBytes) stream.resume()
    })
    if (webSocket.bufferedAmount > maxWaitingBytes) stream.pause()
  })
  stream.on('drain', () => webSocket.resume())
  let lastBytes: Buffer | undefined
  inbox.pour((bytes) => {
    life.seen()
    lastBytes = bytes.subarray(-terminate.length)
    report.bytesReceived += bytes.length
    stream.write(bytes)
    if (stream.writableLength > maxWaitingBytes) webSocket.pause()
  })
  stream.resume()

  const clientClosed = closed(webSocket, webSocket.readyState === webSocket.CLOSED).then(() => {
    life.end()
    endSession(session, options.connectTimeoutMs)
  })
  const sessionClosed = closed(stream, stream.closed).then(() => {
    if (webSocket.readyState !== webSocket.OPEN) return
    report.endedBy = lastBytes?.equals(terminate) ? 'client' : 'database'
    webSocket.close(normalClosure, 'the database ended the session')
  })
  await Promise.all([clientClosed, sessionClosed])
  return report
}

function closed(side: WebSocket | Duplex, already: boolean): Promise<void> {
  return already ? Promise.resolve() : new Promise((resolve) => (side as EventEmitter).once('close', () => resolve()))
}

/** Ends connections to clients that have gone without a word. */
function watch(webSocket: WebSocket, heartbeatMs: number): { seen(): void; taken(): void; end(): void } {
  let alive = true
  let taking = true
  const seen = (): void => {
    alive = true
  }
  const timer = setInterval(() => {
    // What a paused client may have sent is not read, so its silence says nothing.
    if (!alive && !webSocket.isPaused) webSocket.terminate()
    // Nor does it help that it goes on sending: what it does not read is held for it, and so is its session.
    if (!taking && webSocket.bufferedAmount > maxWaitingBytes) webSocket.terminate()
    alive = false
    taking = false
    webSocket.ping()
  }, heartbeatMs)
  webSocket.on('pong', seen)
  const taken = (): void => {
    taking = true
    seen()
  }
  return { seen, taken, end: () => clearInterval(timer) }
}

function endSession(session: Session, connectTimeoutMs: number): void {
  const { stream } = session
  if (stream.destroyed) return
  stream.removeAllListeners('data')
  stream.resume()
  stream.end()
  const grace = setTimeout(() => {
    void requestCancel(session, connectTimeoutMs)
    stream.destroy()
  }, endGraceMs)
  stream.once('close', () => clearTimeout(grace))
}
