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

  /** Those that wait behind a request of somebody else go elsewhere where they can. */
  #relieve(connection: Connection, head: Flight, age: number): void {
    const held = connection.flights.slice(1).map((flight) => ({ flight, request: this.#parts.running.get(flight) }))
    let others = false
    for (const { flight, request } of held) {
      if (request === undefined || request.flight !== flight || request.ended) continue
      others ||= request.owner !== head.owner
      if (flight.work.readOnly !== true || request.moves >= maxMoves) continue
      request.moves++
      this.#parts.move(request)
    }
    if (!others) return
    head.heldUp = true
    this.#parts.owners.holdUp(head.owner, Math.min(age, 2 * crowdedMs))
  }

  /** It is slow. It may go on where nobody waits for it to end, and where there is a place for it. */
  #judgeSlow(connection: Connection, head: Flight, request: PoolRequest): void {
    const { owners, occupancy, running } = this.#parts
    const holds = connection.flights.some((flight) => flight !== head && running.get(flight)?.flight === flight)
    if (!holds && occupancy.hasSlow(head.owner, owners.hasCompany(head.owner), true)) {
      head.lane = 'slow'
      return
    }
    if (head.work.reset) {
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
    const isOfCaller = running.has(head)
    if (isOfCaller) head.stuckIn = connection.pid
    head.error ??= { kind: 'failure', code: 'timeout', detail: 'The request did not end when it was cancelled' }
    const release = isOfCaller ? owners.stick(head.owner) : () => {}
    roster.giveUp(connection, new Error('a request did not end when it was cancelled'), release)
  }
}
