/**
 * Clients over WebSocket that have not logged in: how many there may be, and how much memory they may take together.
 * Where it is too much, who takes most gives way, so that nobody keeps others out by holding places.
 */
import type { Duplex } from 'node:stream'
import type { WebSocket } from 'ws'

/** The clients of one gateway that are about to log in. */
export interface Newcomers {
  /**
   * Makes room for one more where there is none: the one goes that has been silent for longest. A client says who it is
   * with its first message, and whoever only holds places says nothing.
   *
   * @returns false where all wait for the server
   */
  makeRoom(): boolean
  /** @param socket carries the WebSocket; what comes in on it is counted */
  enter(webSocket: WebSocket, socket: Duplex): Newcomer
}

/** One client. */
export interface Newcomer {
  /** Whether it has said everything and waits for the server; false at first. */
  waits: boolean
  /** To be called when it has logged in. Until then it counts, refused or not, for as long as its connection is there. */
  leave(): void
}

interface Entry extends Newcomer {
  bytes: number
}

/** Makes an empty list. */
export function createNewcomers({ maxClients, maxBytes }: { maxClients: number; maxBytes: number }): Newcomers {
  /** The oldest first. */
  const entries = new Map<WebSocket, Entry>()
  let bytes = 0

  function end(webSocket: WebSocket): void {
    remove(webSocket)
    webSocket.terminate()
  }

  function remove(webSocket: WebSocket): void {
    bytes -= entries.get(webSocket)?.bytes ?? 0
    entries.delete(webSocket)
  }

  /** A message may be as long as a query, and is in memory before anybody knows whose it is. */
  function endLargest(): void {
    const [largest] = [...entries].sort(([, one], [, other]) => other.bytes - one.bytes)
    if (largest !== undefined) end(largest[0])
  }

  return {
    makeRoom() {
      if (entries.size < maxClients) return true
      const silent = [...entries].find(([, { waits }]) => !waits)
      if (silent !== undefined) end(silent[0])
      return silent !== undefined
    },
    enter(webSocket, socket) {
      const count = (chunk: Buffer): void => {
        if (!entries.has(webSocket)) return
        entry.bytes += chunk.length
        bytes += chunk.length
        if (bytes > maxBytes) endLargest()
      }
      const entry: Entry = {
        waits: false,
        bytes: 0,
        leave() {
          socket.off('data', count)
          remove(webSocket)
        },
      }
      entries.set(webSocket, entry)
      webSocket.once('close', entry.leave)
      socket.on('data', count)
      return entry
    },
  }
}
