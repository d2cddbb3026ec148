/**
 * Looks at what runs, again and again: what turns out to be slow gets out of the way of the others, and what does not end
 * when it is cancelled is given up.
 */
import type { Connection } from './connection.ts'
import type { PoolRequest } from './dispatch.ts'
import type { Flight } from './flight.ts'
import type { Occupancy } from './occupancy.ts'
import type { Owners } from './owners.ts'
import { crowdedMs, slowMs } from './pace.ts'
import type { Roster } from './roster.ts'

/** What a watch works with. */
export interface WatchParts {
  readonly roster: Roster
  readonly occupancy: Occupancy
  readonly owners: Owners
  /** Requests by their sendings. */
  readonly running: ReadonlyMap<Flight, PoolRequest>
  readonly requestTimeoutMs: number
  /** Sends a request again, while its sending before is under way. */
  move(request: PoolRequest): void
}

/** How long the oldest request of a connection has been that, at a moment. */
interface Age {
  readonly now: number
  readonly age: number
  /** Whether answers that have arrived are read by now. */
  readonly timely: boolean
}

const sweepMs = 25
/** After a longer break the gateway itself was busy, and answers that have arrived are not read yet. */
const maxBreakMs = 3 * sweepMs
/** For a request that cannot be sent again, and is refused when it has no place. */
const slowUnrepeatableMs = 1_000
const maxMoves = 2
/** How long a cancelled request may take to end before its connection is given up. */
const cancelGraceMs = 2_000
/** A cancel request that arrives before the statement has begun strikes nothing. */
const cancelAgainMs = 500

/** Watches the connections of a pool. */
export class Watch {
  readonly #parts: WatchParts
  readonly #timer: NodeJS.Timeout
  #sweptAt = performance.now()

  /** @param onSwept called after each look */
  constructor(parts: WatchParts, onSwept: (now: number) => void) {
    this.#parts = parts
    this.#timer = setInterval(() => {
      const now = performance.now()
      const timely = now - this.#sweptAt < maxBreakMs
      this.#sweptAt = now
      for (const connection of [...parts.roster.open]) this.#look(connection, now, timely)
      onSwept(now)
    }, sweepMs)
    this.#timer.unref()
  }

  close(): void {
    clearInterval(this.#timer)
  }

  #look(connection: Connection, now: number, timely: boolean): void {
    const { head } = connection
    if (head === undefined) return
    const age = now - head.startedAt
    if (head.behind > 0) {
      this.#lookAtGroup(connection, head, { now, age, timely })
      return
    }
    const request = this.#parts.running.get(head)
    if (timely && age > crowdedMs) this.#relieve(connection, head, age)
    if (head.cancelledAt > 0) this.#insist(connection, head, now)
    else if (age > this.#parts.requestTimeoutMs) {
      const detail = `The request took longer than ${this.#parts.requestTimeoutMs} ms and was cancelled`
      head.error ??= { kind: 'failure', code: 'timeout', detail }
      connection.cancel()
    } else if (head.cancelled || (request?.ended && age > crowdedMs)) connection.cancel()
    else if (
      timely &&
      request !== undefined &&
      head.lane !== 'slow' &&
      age > (head.work.reset ? slowUnrepeatableMs : slowMs)
    ) {
      if (request.flight === head) this.#judgeSlow(connection, head, request)
      else connection.cancel()
    }
  }

  /**
   * Nothing has been heard of its oldest request: which one is under way is not known, and each goes elsewhere, alone, so
   * that the slow one is found. Who is to blame shows when the group ends: see `Pool`.
   */
  #lookAtGroup(connection: Connection, head: Flight, { now, age, timely }: Age): void {
    const { running } = this.#parts
    if (timely && age > crowdedMs) {
      const [first, ...others] = connection.flights
      const held = others.some(({ owner }) => owner !== '' && owner !== first?.owner)
      for (const flight of connection.flights.slice(0, 1 + head.behind)) {
        const request = running.get(flight)
        flight.crowded ||= held
        if (request === undefined || request.flight !== flight || request.ended) continue
        request.work = { ...request.work, exclusive: true }
        this.#parts.move(request)
      }
      this.#moveReaders(connection.flights.slice(1 + head.behind))
    }
    if (head.cancelledAt > 0) this.#insist(connection, head, now)
    else if (timely && age > Math.min(slowMs, this.#parts.requestTimeoutMs)) connection.cancel()
  }

  /** Those that wait behind a request of somebody else go elsewhere where they can. */
  #relieve(connection: Connection, head: Flight, age: number): void {
    const owners = this.#moveReaders(connection.flights.slice(1))
    if (![...owners].some((owner) => owner !== head.owner)) return
    head.heldUp = true
    this.#parts.owners.holdUp(head.owner, Math.min(age, 2 * crowdedMs))
  }

  /** Returns the owners of all requests among them that have nowhere else to be answered, of those that move too. */
  #moveReaders(flights: readonly Flight[]): Set<string> {
    const owners = new Set<string>()
    for (const flight of flights) {
      const request = this.#parts.running.get(flight)
      if (request === undefined || request.flight !== flight || request.ended) continue
      owners.add(request.owner)
      if (flight.work.readOnly !== true || request.moves >= maxMoves) continue
      request.moves++
      this.#parts.move(request)
    }
    return owners
  }

  /** It is slow. It may go on where nobody waits for it to end, and where there is a place for it. */
  #judgeSlow(connection: Connection, head: Flight, request: PoolRequest): void {
    const { owners, occupancy, running } = this.#parts
    const holds = connection.flights.some((flight) => flight !== head && running.get(flight)?.flight === flight)
    if (!holds && occupancy.hasSlow(head.owner, owners.hasCompany(head.owner), true)) {
      head.lane = 'slow'
      return
    }
    if (request.quickOnly) {
      // Nobody waits for its end: a server that is gone does not end it.
      request.displaced = true
      this.#parts.move(request)
    } else if (head.work.reset) {
      // It may have done what no rollback undoes, so it is not sent again.
      const detail = `The request took longer than ${slowUnrepeatableMs} ms while others did. It was cancelled and rolled back`
      head.error ??= { kind: 'failure', code: 'overloaded', detail }
    } else request.displaced = true
    connection.cancel()
  }

  #insist(connection: Connection, head: Flight, now: number): void {
    const waitedMs = now - head.cancelledAt
    if (waitedMs > cancelGraceMs) this.#giveUp(connection, head)
    else if (waitedMs > head.cancels * cancelAgainMs) connection.cancel()
  }

  #giveUp(connection: Connection, head: Flight): void {
    const { owners, roster, running } = this.#parts
    // In a group it may be another: moved, that one shows itself where it runs alone.
    const isOfCaller = running.has(head) && head.behind === 0
    if (isOfCaller) head.stuckIn = connection.pid
    head.error ??= { kind: 'failure', code: 'timeout', detail: 'The request did not end when it was cancelled' }
    const release = isOfCaller ? owners.stick(head.owner) : () => {}
    roster.giveUp(connection, new Error('a request did not end when it was cancelled'), release)
  }
}
