/**
 * Sends answers no faster than they are read, and gives up on clients that do not read theirs.
 */
import type { ServerResponse } from 'node:http'
import { constants, Http2ServerResponse } from 'node:http2'

/** Answers on their way. */
export interface Answering {
  /** Sends the body and ends the response, whose head is written. */
  end(response: ServerResponse, body: Buffer): void
  /** Forgets all; the connections are closed by then. */
  close(): void
}

/** Up to this size a body is copied to leave in one piece with the headers, which costs less than two pieces. */
const maxJoinedBytes = 16 * 1024
/** What is handed to the socket at a time. When one such piece has left, the client has read something. */
const pieceBytes = 64 * 1024
/** A client that reads at once would have its whole answer written before anybody else has a turn. */
const maxPiecesInTurn = 4

interface Underway {
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
  const sweeper = setInterval(sweep, Math.max(stallMs / 10, 10))
  sweeper.unref()

  function end(response: ServerResponse, body: Buffer): void {
    const underway = { movedAt: performance.now(), closing: false }
    unread.set(response, underway)
    response.once('close', () => unread.delete(response))
    if (body.length <= maxJoinedBytes) response.end(body.toString('latin1'), 'latin1')
    else sendPieces(response, body, underway)
  }

  function sendPieces(response: ServerResponse, body: Buffer, underway: Underway): void {
    let at = 0
    const send = (): void => {
      underway.movedAt = performance.now()
      for (let pieces = 0; at < body.length; pieces++) {
        if (response.destroyed) return
        if (pieces === maxPiecesInTurn) return void setImmediate(send)
        const piece = body.subarray(at, at + pieceBytes)
        at += piece.length
        if (!response.write(piece) && at < body.length) return
      }
      response.off('drain', send)
      response.end()
    }
    response.on('drain', send)
    send()
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
