/**
 * Spreads requests over a few connections, so that no owner of requests keeps the others waiting.
 *
 * Quick requests share connections; others run alone, for a short while; slow ones for longer, few at once. Which is
 * which is learnt, and a request that turns out to be slower than it was taken for gets out of the way: those behind it
 * are sent again elsewhere, and it is cancelled, rolled back, and sent again when it has a place.
 */
import type { FailureCode } from '../errors.ts'
import type { Emit } from '../events.ts'
import type { Connection } from './connection.ts'
import { Dispatcher, type PoolRequest } from './dispatch.ts'
import { createFlight, type Flight, type Lane, type Work } from './flight.ts'
import { isGroupable } from './group.ts'
import { Occupancy, type OccupancyLimits } from './occupancy.ts'
import { isForgotten, isUnchanged } from './outgoing.ts'
import { createOwners } from './owners.ts'
import { createPace, crowdedMs, type Pace, paceKeyOf } from './pace.ts'
import { resend } from './resend.ts'
import { Roster, type RosterOptions } from './roster.ts'
import { Watch } from './watch.ts'

/** Connections and their limits. */
export interface PoolOptions extends RosterOptions, OccupancyLimits {
  /** Requests that one connection carries at once. */
  readonly maxPipelineDepth: number
  /** Requests that wait for a connection. A further one is refused, or one of whoever has the most of them. */
  readonly maxQueued: number
  readonly queueTimeoutMs: number
  /** From being the oldest on its connection to its end; then it is cancelled. */
  readonly requestTimeoutMs: number
  /** What another pool learns, for the same texts; by default this one learns by itself. */
  readonly pace?: Pace
}

/**
 * What is asked of the signal of a request. An `AbortSignal` has it; node's costs 4 µs to make and to listen to, which is a
 * twentieth of a whole request, so that the gateway has a simpler one for each of them.
 */
export interface Abortable {
  readonly aborted: boolean
  addEventListener(type: 'abort', listener: () => void, options: { readonly once: true }): void
}

/** Whose request it is. */
export interface RunOptions {
  /** With whose other requests it takes turns. */
  readonly owner: string
  /** The client has gone: the request leaves the queue, or is cancelled at the server, and ends with `timeout`. */
  readonly signal?: Abortable
  /**
   * It runs at once, beside others, or not at all: one that is not known to be quick, that finds no connection, or that turns
   * out to be slow ends with `overloaded`, for the caller to run elsewhere.
   */
  readonly quickOnly?: boolean
}

const maxRetries = 3
const clientGone = 'The client has gone'
const stuckDetail = 'A statement of this identity was cancelled and has not ended; nothing else of it runs before that'

/** Runs requests. Connections are opened in the background; requests wait for them. */
export class Pool {
  readonly #options: PoolOptions
  readonly #roster: Roster
  readonly #occupancy: Occupancy
  readonly #dispatcher: Dispatcher
  readonly #watch: Watch
  readonly #owners = createOwners()
  /** How long requests take. */
  readonly pace: Pace
  readonly #running = new Map<Flight, PoolRequest>()
  #closing = false
  #whenIdle: (() => void) | undefined

  constructor(options: PoolOptions, emit: Emit = () => {}) {
    this.#options = options
    this.pace = options.pace ?? createPace()
    this.#roster = new Roster(options, { onProgress: () => this.#onProgress() }, emit)
    this.#occupancy = new Occupancy(options, this.#roster)
    const parts = { roster: this.#roster, occupancy: this.#occupancy, owners: this.#owners }
    this.#dispatcher = new Dispatcher({
      ...parts,
      pace: this.pace,
      maxPipelineDepth: options.maxPipelineDepth,
      submit: (request, connection, lane) => this.#submit(request, connection, lane),
    })
    this.#watch = new Watch(
      {
        ...parts,
        running: this.#running,
        requestTimeoutMs: options.requestTimeoutMs,
        move: (request) => this.#start(request, true),
      },
      (now) => this.#onSwept(now),
    )
  }

  /** Connections that are open. */
  get open(): number {
    return this.#roster.open.length
  }

  get inFlight(): number {
    return this.#roster.open.reduce((sum, { inFlight }) => sum + inFlight, 0)
  }

  get queued(): number {
    return this.#dispatcher.queued
  }

  /** Slow requests that run, those that did not end when they were cancelled among them. */
  get slow(): number {
    return this.#occupancy.slow
  }

  /** Requests that did not end when they were cancelled. */
  get stuck(): number {
    return this.#roster.stuck
  }

  /**
   * Runs one request. Never rejects: how it ended is in the flight. How many one owner may have under way is for the caller
   * to limit.
   */
  run(work: Work, { owner, signal, quickOnly = false }: RunOptions): Promise<Flight> {
    return new Promise((done) => {
      const since = performance.now()
      const request: PoolRequest = {
        work,
        owner,
        done,
        paceKey: paceKeyOf(work),
        textId: 0,
        timeKey: '',
        usual: undefined,
        since,
        flight: undefined,
        connection: undefined,
        displaced: false,
        moves: 0,
        retries: 0,
        doubted: undefined,
        apart: false,
        ended: false,
        quickOnly,
      }
      this.#owners.arrive(owner, since)
      if (this.#closing) this.#fail(request, 'overloaded', 'The gateway is shutting down')
      else if (signal?.aborted) this.#fail(request, 'timeout', clientGone)
      else if (this.#owners.isStuck(owner)) this.#fail(request, 'overloaded', stuckDetail)
      else {
        signal?.addEventListener('abort', () => this.#abort(request), { once: true })
        this.#start(request, false)
      }
    })
  }

  /** Takes no further request, waits for those under way, closes the connections. */
  async close(): Promise<void> {
    this.#closing = true
    this.#roster.close()
    const waiting = this.#dispatcher.olderThan(Number.POSITIVE_INFINITY)
    for (const request of waiting) this.#fail(request, 'overloaded', 'The gateway is shutting down')
    if (this.inFlight > 0) {
      await new Promise<void>((resolve) => {
        this.#whenIdle = resolve
      })
    }
    this.#watch.close()
    for (const connection of this.#roster.open.splice(0)) connection.end()
  }

  /** @param again whether it was under way before */
  #start(request: PoolRequest, again: boolean): void {
    request.flight = undefined
    if (this.#dispatcher.trySend(request)) return
    if (request.quickOnly) this.#fail(request, 'overloaded', 'It is run elsewhere')
    else if (this.#makeRoom(request)) this.#dispatcher.enqueue(request, again)
    else this.#fail(request, 'overloaded', 'Too many requests wait for a connection')
  }

  /** When the queue is full, whoever has the longest line loses its last one to an owner with a shorter line. */
  #makeRoom({ owner }: PoolRequest): boolean {
    if (this.#dispatcher.queued < this.#options.maxQueued) return true
    const last = this.#dispatcher.lastOfLongest(owner)
    if (last === undefined) return false
    this.#fail(last, 'overloaded', 'Too many requests of this identity wait for a connection')
    return true
  }

  #submit(request: PoolRequest, connection: Connection, lane: Lane): void {
    const flight = createFlight(request.work, (ended) => this.#onDone(request, ended), lane, request.owner)
    if (lane === 'shared' && !request.apart && isGroupable(request)) flight.usualMs = request.usual?.ms
    request.flight = flight
    request.connection = connection
    this.#running.set(flight, request)
    connection.submit(flight)
  }

  #onDone(request: PoolRequest, flight: Flight): void {
    this.#running.delete(flight)
    if (!isUnchanged(flight)) this.#learn(request, flight)
    if (request.ended) return
    if (flight !== request.flight) {
      // It was moved, as it only reads: whichever answer comes first will do.
      if (flight.error === undefined && !flight.passedOver) this.#finish(request, flight)
      return
    }
    if (request.doubted !== undefined && isUnchanged(flight)) {
      this.#finish(request, request.doubted)
      return
    }
    if (flight.passedOver) {
      request.apart = true
      if (flight.cancelled) this.#fail(request, 'timeout', clientGone)
      else this.#start(request, true)
      return
    }
    const work = resend(flight, request.displaced)
    // A server that has crashed fails a request more than once, and has forgotten its identity when it is back.
    const retries = isForgotten(flight) ? maxRetries + 1 : maxRetries
    if (work === undefined || this.#closing || request.retries >= retries) {
      this.#finish(request, flight)
      return
    }
    request.retries++
    request.doubted = work.unlessVersion === undefined ? undefined : (request.doubted ?? flight)
    request.work = work
    this.#start(request, true)
  }

  #learn(request: PoolRequest, flight: Flight): void {
    const { startedAt, error, cancelled, cancelStruck, lane, lost, crowded } = flight
    if (startedAt === 0 || (flight.group !== undefined && flight.tookMs === undefined)) return
    // The other server may be cold, or gone: that makes no text slow for good.
    const mostMs = request.quickOnly ? crowdedMs : Number.POSITIVE_INFINITY
    const tookMs = Math.min(mostMs, flight.tookMs ?? performance.now() - startedAt)
    const heldUp = flight.heldUp || (crowded && tookMs > crowdedMs)
    if (crowded && heldUp) this.#owners.holdUp(request.owner, 2 * Math.min(tookMs, 2 * crowdedMs))
    if (lane !== 'shared' || tookMs > crowdedMs) this.#owners.use(request.owner, tookMs)
    const whole = !cancelled && !cancelStruck && lost === undefined && error?.kind !== 'failure'
    // What was cut short took at least as long, and may not have begun.
    if (whole || (tookMs > crowdedMs && lost !== 'undone'))
      this.pace.learn(request, tookMs, heldUp, flight.tookMs !== undefined)
  }

  #finish(request: PoolRequest, flight: Flight): void {
    if (request.ended) return
    request.ended = true
    if (flight !== request.flight) this.#dispatcher.remove(request)
    request.done(flight)
  }

  #fail(request: PoolRequest, code: FailureCode, detail: string): void {
    const flight = createFlight(request.work, () => {})
    flight.error = { kind: 'failure', code, detail }
    this.#finish(request, flight)
  }

  #abort(request: PoolRequest): void {
    if (request.ended) return
    const { flight, connection } = request
    if (this.#dispatcher.remove(request)) this.#fail(request, 'timeout', clientGone)
    else if (flight !== undefined) {
      // One that is not the oldest on its connection is cancelled by the watch, if it ever becomes that.
      flight.cancelled = true
      request.displaced = false
      request.retries = maxRetries
      if (connection?.head === flight && flight.behind === 0) connection.cancel()
    }
  }

  #onProgress(): void {
    this.#dispatcher.pump()
    if (this.#whenIdle !== undefined && this.inFlight === 0 && this.queued === 0) this.#whenIdle()
  }

  #onSwept(now: number): void {
    for (const request of this.#dispatcher.olderThan(now - this.#options.queueTimeoutMs)) {
      if (this.open > 0) {
        const detail = `No connection was free within ${this.#options.queueTimeoutMs} ms`
        this.#fail(request, 'overloaded', detail)
      } else if (this.#roster.full) {
        this.#fail(request, 'overloaded', 'PostgreSQL has no connection left for the gateway')
      } else this.#fail(request, 'database_unavailable', 'No connection to the database could be opened in time')
    }
    this.#onProgress()
  }
}
