/**
 * Which request is next on which connection.
 */
import type { Connection } from './connection.ts'
import type { Flight, Lane, Work } from './flight.ts'
import type { Occupancy } from './occupancy.ts'
import type { Owners } from './owners.ts'
import { type Pace, type Paced, quickMs } from './pace.ts'
import { FairQueue, type Queued } from './queue.ts'
import type { Roster } from './roster.ts'

/** A request from its arrival to its answer, however often it is sent. */
export interface PoolRequest extends Queued, Paced {
  work: Work
  /** The latest sending; an earlier one may still be under way. */
  flight: Flight | undefined
  connection: Connection | undefined
  /** It was in the way, and is sent again as a slow one. */
  displaced: boolean
  /** Times that it was sent again because it only reads and the one before it took long. */
  moves: number
  /** Times that it was sent again after it had ended. */
  retries: number
  /** Failed, and was sent again unless it would fail in the same way. */
  doubted: Flight | undefined
  /** It shares a Sync with nobody: it was passed over once. */
  apart: boolean
  /** It has its answer. */
  ended: boolean
  /** See `RunOptions`. */
  readonly quickOnly: boolean
  readonly done: (flight: Flight) => void
}

/** What a dispatcher works with. */
export interface DispatcherParts {
  readonly roster: Roster
  readonly occupancy: Occupancy
  readonly owners: Owners
  readonly pace: Pace
  /** Requests that one connection carries at once. */
  readonly maxPipelineDepth: number
  submit(request: PoolRequest, connection: Connection, lane: Lane): void
}

/** The lines of requests that wait, one for each lane, and the choice of a connection. */
export class Dispatcher {
  readonly #parts: DispatcherParts
  readonly #queues: Readonly<Record<Lane, FairQueue<PoolRequest>>> = {
    shared: new FairQueue(),
    alone: new FairQueue(),
    slow: new FairQueue(),
  }
  /** Left to run dry for a request that wants it alone. */
  #draining: Connection | undefined

  constructor(parts: DispatcherParts) {
    this.#parts = parts
  }

  get queued(): number {
    return this.#queues.shared.size + this.#queues.alone.size + this.#queues.slow.size
  }

  /** Sends a quick request at once, if there is a connection and nobody waits. */
  trySend(request: PoolRequest): boolean {
    if (this.#queues.shared.size > 0 || this.#laneOf(request) !== 'shared') return false
    const connection = this.#findShareable()
    if (connection === undefined) return false
    this.#parts.submit(request, connection, 'shared')
    return true
  }

  /** @param again whether it was under way before, and goes to the front of its owner's line */
  enqueue(request: PoolRequest, again: boolean): void {
    const lane = this.#laneOf(request)
    this.#queues[lane].push(request, again)
    if (lane !== 'shared') this.pump()
  }

  /** Takes a request out of its line; false when it stands in none. */
  remove(request: PoolRequest): boolean {
    return this.#all.some((queue) => queue.take(request))
  }

  /** The last of the longest line, where that is longer than the line of `owner`. */
  lastOfLongest(owner: string): PoolRequest | undefined {
    for (const queue of this.#all) {
      const last = queue.lastOfLongest(owner)
      if (last !== undefined) return last
    }
    return undefined
  }

  /** Those that arrived before a time, and with Infinity all that wait. */
  olderThan(time: number): PoolRequest[] {
    return this.#all.flatMap((queue) => queue.olderThan(time))
  }

  /** Sends what there is room for. */
  pump(): void {
    this.#draining = undefined
    if (this.#queues.alone.size > 0) this.#startUnshared('alone')
    if (this.#queues.slow.size > 0) this.#startUnshared('slow')
    const { shared } = this.#queues
    while (shared.size > 0) {
      const connection = this.#findShareable()
      const next = connection && shared.next((owner) => this.#rank(owner))
      if (connection === undefined || next === undefined) return
      shared.take(next)
      const lane = this.#laneOf(next)
      if (lane === 'shared') this.#parts.submit(next, connection, lane)
      else this.#queues[lane].push(next, true)
    }
  }

  get #all(): readonly FairQueue<PoolRequest>[] {
    return [this.#queues.shared, this.#queues.alone, this.#queues.slow]
  }

  #laneOf(request: PoolRequest): Lane {
    return request.displaced ? 'slow' : this.#parts.pace.laneOf(request, this.#parts.owners.trusts(request.owner))
  }

  #startUnshared(lane: 'alone' | 'slow'): void {
    const queue = this.#queues[lane]
    for (;;) {
      const next = lane === 'slow' ? this.#nextSlow() : this.#parts.occupancy.hasAlone() ? this.#nextAlone() : undefined
      if (next === undefined) return
      const learnt = this.#laneOf(next)
      if (learnt !== lane) {
        queue.take(next)
        this.#queues[learnt].push(next, true)
        continue
      }
      const idle = this.#parts.roster.open.find(({ usable, head }) => usable && head === undefined)
      if (idle === undefined) {
        this.#draining ??= this.#findDrainable()
        return
      }
      queue.take(next)
      this.#parts.submit(next, idle, lane)
    }
  }

  #nextAlone(): PoolRequest | undefined {
    return this.#queues.alone.next((owner) => this.#rank(owner))
  }

  #nextSlow(): PoolRequest | undefined {
    return this.#queues.slow.next((owner) =>
      this.#parts.occupancy.hasSlow(owner, this.#parts.owners.hasCompany(owner), false)
        ? this.#rank(owner)
        : Number.POSITIVE_INFINITY,
    )
  }

  #rank(owner: string): number {
    return this.#parts.owners.isStuck(owner) ? Number.POSITIVE_INFINITY : this.#parts.owners.rank(owner)
  }

  /** The connection for one more quick request: an idle one, or the least loaded whose oldest request is young. */
  #findShareable(): Connection | undefined {
    const youngAfter = performance.now() - quickMs
    let best: Connection | undefined
    for (const connection of this.#parts.roster.open) {
      if (!connection.usable || connection === this.#draining) continue
      const { inFlight, head } = connection
      if (head === undefined) return connection
      if (head.lane !== 'shared' || inFlight >= this.#parts.maxPipelineDepth) continue
      if (head.startedAt > youngAfter && (best === undefined || inFlight < best.inFlight)) best = connection
    }
    return best
  }

  /** Without one that runs dry, requests that share connections would keep every one of them busy for ever. */
  #findDrainable(): Connection | undefined {
    let best: Connection | undefined
    for (const connection of this.#parts.roster.open) {
      if (!connection.usable || connection.head?.lane !== 'shared') continue
      if (best === undefined || connection.inFlight < best.inFlight) best = connection
    }
    return best
  }
}
