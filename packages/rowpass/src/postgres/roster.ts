/**
 * The connections of a pool: opens them, replaces those that are lost, and never has more backends than it may.
 */
import type { Emit } from '../events.ts'
import { type Connection, type ConnectionOptions, openConnection } from './connection.ts'
import { serverRefusal } from './server-url.ts'
import { isForWriter } from './servers.ts'

/** Connections of a pool. */
export interface RosterOptions extends ConnectionOptions {
  /** Connections that take requests. */
  readonly size: number
}

/** What a roster reports. */
export interface RosterListener {
  /** There may be room for a request. */
  onProgress(): void
}

/**
 * Backends beyond its size that a pool may have: each stands for a connection whose backend would not end. Once there
 * are more of those, the pool goes on with fewer connections until one has ended.
 */
export const spareBackends = 2

/** A connection that was given up, and whose backend has not ended. */
interface Lingering {
  readonly since: number
  /** Its statement was cancelled and runs on. */
  readonly stuck: boolean
  readonly onGone: () => void
}

const firstRetryMs = 50
/** So long may a new primary wait for the gateway. */
const maxRetryMs = 1_000

/** Opens connections in the background, and again after a while where that fails. */
export class Roster {
  /** Those that take requests, or will. */
  readonly open: Connection[] = []
  readonly #options: RosterOptions
  readonly #listener: RosterListener
  readonly #emit: Emit
  readonly #lingering = new Map<Connection, Lingering>()
  #opening = 0
  #closing = false
  #retryMs = firstRetryMs
  #timer: NodeJS.Timeout | undefined
  #full = false
  /** The one that a connection was opened to last. */
  #server: string | undefined

  constructor(options: RosterOptions, listener: RosterListener, emit: Emit) {
    this.#options = options
    this.#listener = listener
    this.#emit = emit
    this.#fill()
  }

  /** Statements that were cancelled and run on. */
  get stuck(): number {
    let stuck = 0
    for (const lingering of this.#lingering.values()) if (lingering.stuck) stuck++
    return stuck
  }

  /** Whether the last attempt to connect failed because PostgreSQL has no connection left for this login. */
  get full(): boolean {
    return this.#full
  }

  /** Gives up a connection whose statement did not end. @param onGone called when its backend has ended */
  giveUp(connection: Connection, reason: Error, onGone: () => void): void {
    this.#lingering.set(connection, { since: performance.now(), stuck: true, onGone })
    connection.destroy(reason)
  }

  /** Opens no further connection. Those that are open are left to the caller. */
  close(): void {
    this.#closing = true
    clearTimeout(this.#timer)
  }

  #fill(): void {
    if (this.#closing || this.#timer !== undefined) return
    const { size } = this.#options
    const here = this.open.length + this.#opening
    const missing = Math.min(size - here, size + spareBackends - here - this.#lingering.size)
    // While nothing can be opened one tries for all: a server that comes back is not met by every connection of every gateway.
    const tries = this.#retryMs === firstRetryMs ? missing : Math.min(missing, 1 - this.#opening)
    for (let count = 0; count < tries; count++) void this.#connect()
  }

  async #connect(): Promise<void> {
    let opened: Connection | undefined
    this.#opening++
    try {
      opened = await openConnection(this.#options, {
        onProgress: () => this.#listener.onProgress(),
        // One that is lost while it opens is reported as the failure to open it.
        onLost: (reason) => opened !== undefined && this.#onLost(opened, reason),
        onGone: () => opened !== undefined && this.#onGone(opened),
        onReadOnly: () => this.#retireOthers(undefined, new Error('the server takes no writes any more')),
      })
    } catch (error) {
      this.#onFailed(error)
      return
    } finally {
      this.#opening--
    }
    if (this.#closing) {
      opened.end()
      return
    }
    if (!opened.usable) {
      this.#tryLater()
      return
    }
    this.#retryMs = firstRetryMs
    this.#full = false
    if (opened.server !== this.#server) this.#moveTo(opened.server)
    this.open.push(opened)
    this.#emit({ type: 'connection_opened', server: opened.server })
    this.#fill()
    this.#listener.onProgress()
  }

  /** Of servers of which one takes writes, another one does now: what was left with the one before is no concern of it. */
  #moveTo(server: string): void {
    const before = this.#server
    this.#server = server
    if (before === undefined || !isForWriter(this.#options.server)) return
    this.#emit({ type: 'server_changed', server, before })
    this.#retireOthers(server, new Error('another server takes the writes now'))
    for (const [connection, { onGone }] of [...this.#lingering]) {
      if (connection.server === server) continue
      this.#lingering.delete(connection)
      connection.abandon()
      onGone()
    }
  }

  #retireOthers(server: string | undefined, reason: Error): void {
    for (const connection of [...this.open]) if (connection.server !== server) connection.retire(reason)
  }

  #onFailed(error: unknown): void {
    if (this.#closing) return
    this.#full = serverRefusal(error)?.code === '53300'
    this.#emit({ type: 'connection_failed', cause: error, retryInMs: this.#retryMs })
    this.#tryLater()
  }

  #tryLater(): void {
    if (this.#timer !== undefined || this.#closing) return
    this.#timer = setTimeout(
      () => {
        this.#timer = undefined
        this.#fill()
      },
      this.#retryMs * (0.5 + Math.random()),
    )
    this.#retryMs = Math.min(this.#retryMs * 2, maxRetryMs)
  }

  #onLost(connection: Connection, reason: Error): void {
    const index = this.open.indexOf(connection)
    if (index < 0) return
    this.open.splice(index, 1)
    if (!this.#lingering.has(connection)) {
      this.#lingering.set(connection, { since: performance.now(), stuck: false, onGone() {} })
    }
    this.#emit({ type: 'connection_closed', cause: reason })
    this.#fill()
  }

  #onGone(connection: Connection): void {
    const lingering = this.#lingering.get(connection)
    if (lingering === undefined) return
    this.#lingering.delete(connection)
    if (lingering.stuck) {
      const lingeredMs = performance.now() - lingering.since
      this.#emit({ type: 'backend_ended', backendPid: connection.pid, lingeredMs })
    }
    lingering.onGone()
    this.#fill()
    this.#listener.onProgress()
  }
}
