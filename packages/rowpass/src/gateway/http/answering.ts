/**
 * Sends answers no faster than they are read, and gives up on clients that do not read theirs.
 */
import type { ServerResponse } from 'node:http'
import { constants, Http2ServerResponse } from 'node:http2'

/** Answers on their way. */
export interface Answering {
  /** Sends the body, of so many bytes, and ends the response, whose head is written. */
  end(response: ServerResponse, body: readonly Buffer[], length: number): void
  /** Forgets all; the connections are closed by then. */
  close(): void
}

/** Up to this size a body is copied to leave in one piece with the headers, which costs less than two pieces. */
const maxJoinedBytes = 16 * 1024
/** What is handed to the socket at a time. When one such piece has left, the client has read something. */
const pieceBytes = 64 * 1024
/** Of all answers together. Clients that read at once would have theirs written whole before anybody else has a turn. */
const maxPiecesInTurn = 4

interface Underway {
  readonly response: ServerResponse
  readonly pieces: Iterator<Buffer>
  /** Milliseconds of the monotonic clock when a piece left last. */
  movedAt: number
  /** Its stream was closed, which the client has to let through. */
  closing: boolean
}

/**
 * Makes the sender.
 * @param stallMs how long a client may take for one piece of 64 KiB; then an HTTP/1.1 connection is closed, and of an
 * HTTP/2 connection the stream, or all of it when that cannot be sent either
 */
export function createAnswering(stallMs: number): Answering {
  const unread = new Map<ServerResponse, Underway>()
  /** Those whose client has room for the next piece. */
  const inTurn: Underway[] = []
  const sweeper = setInterval(sweep, Math.max(stallMs / 10, 10))
  sweeper.unref()

  function end(response: ServerResponse, body: readonly Buffer[], length: number): void {
    const isWhole = length <= maxJoinedBytes
    const pieces = isWhole ? noPieces : cut(body)
    const underway = { response, pieces, movedAt: performance.now(), closing: false }
    unread.set(response, underway)
    response.once('close', () => unread.delete(response))
    if (isWhole) {
      response.end(join(body).toString('latin1'), 'latin1')
    } else {
      response.on('drain', () => sendInTurn(underway))
      sendPiece(underway)
    }
  }

  function sendPiece(underway: Underway): void {
    const { response, pieces } = underway
    if (response.destroyed) return
    underway.movedAt = performance.now()
    const { value, done } = pieces.next()
    if (done) response.end()
    else if (response.write(value)) sendInTurn(underway)
  }

  function sendInTurn(underway: Underway): void {
    if (inTurn.push(underway) === 1) setImmediate(sendPieces)
  }

  function sendPieces(): void {
    for (const underway of inTurn.splice(0, maxPiecesInTurn)) sendPiece(underway)
    if (inTurn.length > 0) setImmediate(sendPieces)
  }

  function sweep(): void {
    const now = performance.now()
    for (const [response, underway] of unread) {
      // It waits for the answer in front of it on the same connection.
      if (response.socket === null) underway.movedAt = now
      else if (now - underway.movedAt > stallMs) giveUp(response, underway)
    }
  }

  return {
    end,
    close() {
      clearInterval(sweeper)
      unread.clear()
    },
  }
}

const noPieces = [].values()

/** Cuts what is larger than a piece, and joins what is much smaller. */
function* cut(body: readonly Buffer[]): Generator<Buffer, undefined> {
  let joined: Buffer[] = []
  let length = 0
  for (const bytes of body) {
    for (let at = 0; at < bytes.length; at += pieceBytes) {
      const part = bytes.subarray(at, at + pieceBytes)
      if (length + part.length > pieceBytes) {
        yield join(joined)
        joined = []
        length = 0
      }
      joined.push(part)
      length += part.length
    }
  }
  yield join(joined)
}

function join(parts: readonly Buffer[]): Buffer {
  const [only] = parts
  return parts.length === 1 && only !== undefined ? only : Buffer.concat(parts)
}

function giveUp(response: ServerResponse, underway: Underway): void {
  drop(response, underway.closing)
  underway.closing = true
}

/**
 * Takes an answer away from a client that is slow to read it.
 * @param all of an HTTP/2 connection every stream; else only this one
 */
export function drop(response: ServerResponse, all = false): void {
  if (!(response instanceof Http2ServerResponse)) response.destroy()
  else if (all) response.stream.session?.destroy()
  else response.stream.close(constants.NGHTTP2_CANCEL)
}
