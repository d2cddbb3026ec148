/**
 * Spreads requests over a few connections: an idle one first, then the least loaded, then a bounded queue.
 */
import type { FailureCode } from '../errors.ts'
import type { Emit } from '../events.ts'
import { type Connection, type ConnectionOptions, openConnection } from './connection.ts'
import { createFlight, type Flight, type FlightError, type Work } from './flight.ts'
import { isOutdated } from './outgoing.ts'
import { createOwners, type OwnerLimits } from './owners.ts'
import { createPace, quickMs } from './pace.ts'

/** Connections and their limits. */
export interface PoolOptions extends ConnectionOptions, OwnerLimits {
  /** Requests that one connection carries at once. */
  readonly maxPipelineDepth: number
  /** Requests that wait for a connection; further ones are refused at once. */
  readonly maxQueued: number
  readonly queueTimeoutMs: number
  /** From being the oldest on its connection to its end; then it is cancelled. */
  readonly requestTimeoutMs: number
}

/** A request that was handed to the pool. */
export interface Ticket {
  /** The client has gone: the request leaves the queue, or is cancelled at the server. */
  abort(): void
}

/** Runs requests. */
export interface Pool {
  /** Connections that are open. */
  readonly open: number
  readonly inFlight: number
  readonly queued: number
  /**
   * Runs one request and calls `done` once.
   * @param owner who it counts against, for `maxPerOwner`
   */
  run(work: Work, owner: string, done: (flight: Flight) => void): Ticket
  /** Takes no further request, waits for those under way, closes the connections. */
  close(): Promise<void>
}

interface Waiting {
  work: Work
  readonly owner: string
  readonly done: (flight: Flight) => void
  readonly since: number
  flight: Flight | undefined
  connection: Connection | undefined
  retries: number
  ended: boolean
}

/** A plan may be outdated, and a cancel request may strike, before a request comes to its end. */
const maxRetries = 2
const sweepMs = 100
/** How long a cancelled request may take to end before its connection is closed. */
const cancelGraceMs = 2_000
const firstRetryMs = 50
const maxRetryMs = 5_000

/** Opens the pool. Connections are opened in the background; requests wait for them. */
export function createPool(options: PoolOptions, emit: Emit = () => {}): Pool {
  const connections: Connection[] = []
  const queue: Waiting[] = []
  const owners = createOwners(options)
  const pace = createPace()
  let closing = false
  let whenIdle: (() => void) | undefined
  let retryMs = firstRetryMs
  const timers = new Set<NodeJS.Timeout>()

  const sweeper = setInterval(sweep, sweepMs)
  sweeper.unref()
  for (let index = 0; index < options.size; index++) void connect()

  async function connect(): Promise<void> {
    let opened: Connection | undefined
    try {
      opened = await openConnection(options, {
        onProgress: pump,
        onClose(reason) {
          const index = opened === undefined ? -1 : connections.indexOf(opened)
          // One that closes while it opens is reported as the failure to open it.
          if (index < 0) return
          connections.splice(index, 1)
          emit({ type: 'connection_closed', cause: reason })
          if (!closing) later(0, connect)
          pump()
        },
      })
    } catch (error) {
      if (closing) return
      emit({ type: 'connection_failed', cause: error, retryInMs: retryMs })
      later(retryMs * (0.5 + Math.random()), connect)
      retryMs = Math.min(retryMs * 2, maxRetryMs)
      return
    }
    if (closing) {
      opened.end()
      return
    }
    if (!opened.usable) {
      later(retryMs, connect)
      return
    }
    retryMs = firstRetryMs
    connections.push(opened)
    emit({ type: 'connection_opened' })
    pump()
  }

  function later(ms: number, run: () => Promise<void>): void {
    const timer = setTimeout(() => {
      timers.delete(timer)
      void run()
    }, ms)
    timers.add(timer)
  }

  function run(work: Work, owner: string, done: (flight: Flight) => void): Ticket {
    const waiting: Waiting = {
      work,
      owner,
      done,
      since: performance.now(),
      flight: undefined,
      connection: undefined,
      retries: 0,
      ended: false,
    }
    const withinLimit = owners.arrive(owner)
    if (closing) fail(waiting, 'overloaded', 'The gateway is shutting down')
    else if (!withinLimit) fail(waiting, 'overloaded', 'This identity has too many requests under way')
    else start(waiting)
    return { abort: () => abort(waiting) }
  }

  function start(waiting: Waiting): void {
    const connection = mayStart(waiting) ? pick(waiting.work) : undefined
    if (connection !== undefined) submit(waiting, connection)
    else if (queue.length >= options.maxQueued) fail(waiting, 'overloaded', 'Too many requests wait for a connection')
    else queue.push(waiting)
  }

  function mayStart({ work, owner }: Waiting): boolean {
    return owners.mayOccupy(owner) || pace.isQuick(work)
  }

  function nextInQueue(): Waiting | undefined {
    return queue.find(mayStart)
  }

  /**
   * The connection that is left to run dry for an exclusive request that is next in the queue; without it, requests
   * that share connections would keep every one of them busy for ever.
   */
  function reserved(next: Waiting | undefined): Connection | undefined {
    if (next?.work.exclusive !== true) return undefined
    return connections.find(({ usable, head }) => usable && head?.work.exclusive !== true) ?? connections[0]
  }

  function pick(work: Work): Connection | undefined {
    const next = nextInQueue()
    const kept = work === next?.work ? undefined : reserved(next)
    const oldestHead = performance.now() - quickMs
    let best: Connection | undefined
    for (const connection of connections) {
      if (!connection.usable || connection === kept) continue
      const { inFlight, head } = connection
      if (head === undefined) return connection
      if (work.exclusive || !connection.quick || inFlight >= options.maxPipelineDepth) continue
      if (head.startedAt > oldestHead && (best === undefined || inFlight < best.inFlight)) best = connection
    }
    return best
  }

  function submit(waiting: Waiting, connection: Connection): void {
    waiting.connection = connection
    const quick = pace.isQuick(waiting.work)
    if (!quick) owners.occupy(waiting.owner)
    waiting.flight = createFlight(waiting.work, (flight) => onDone(waiting, flight), quick)
    connection.submit(waiting.flight)
  }

  function onDone(waiting: Waiting, flight: Flight): void {
    pace.learn(flight)
    if (!flight.quick) owners.release(waiting.owner)
    const retry = waiting.ended || closing ? undefined : toRetry(flight)
    if (retry === undefined || waiting.retries >= maxRetries) {
      finish(waiting, flight)
      return
    }
    waiting.retries++
    waiting.work = retry
    start(waiting)
  }

  function finish(waiting: Waiting, flight: Flight): void {
    if (waiting.ended) return
    waiting.ended = true
    owners.leave(waiting.owner)
    waiting.done(flight)
  }

  function fail(waiting: Waiting, code: FailureCode, detail: string): void {
    const error: FlightError = { kind: 'failure', code, detail }
    const flight = waiting.flight ?? createFlight(waiting.work, () => {})
    flight.error = error
    finish(waiting, flight)
  }

  function abort(waiting: Waiting): void {
    if (waiting.ended) return
    const index = queue.indexOf(waiting)
    if (index >= 0) {
      queue.splice(index, 1)
      fail(waiting, 'timeout', 'The client has gone')
    } else if (waiting.flight !== undefined) waiting.flight.cancelled = true
    // A request that is not the oldest on its connection is cancelled by the sweep, if it ever becomes that.
    if (waiting.flight !== undefined && waiting.connection?.head === waiting.flight) waiting.connection.cancel()
  }

  function pump(): void {
    for (let next = nextInQueue(); next !== undefined; next = nextInQueue()) {
      const connection = pick(next.work)
      if (connection === undefined) break
      queue.splice(queue.indexOf(next), 1)
      submit(next, connection)
    }
    if (whenIdle !== undefined && connections.every(({ inFlight }) => inFlight === 0)) whenIdle()
  }

  function sweep(): void {
    const now = performance.now()
    for (const connection of [...connections]) sweepConnection(connection, now)
    while (queue[0] !== undefined && now - queue[0].since > options.queueTimeoutMs) {
      const waiting = queue.shift() as Waiting
      if (connections.length === 0)
        fail(waiting, 'database_unavailable', 'No connection to the database could be opened in time')
      else fail(waiting, 'overloaded', `No connection was free within ${options.queueTimeoutMs} ms`)
    }
    pump()
  }

  function sweepConnection(connection: Connection, now: number): void {
    const { head } = connection
    if (head === undefined) return
    const age = now - head.startedAt
    if (age > options.requestTimeoutMs + cancelGraceMs) connection.destroy(new Error('a request did not end in time'))
    else if (age > options.requestTimeoutMs && head.error === undefined) {
      head.error = {
        kind: 'failure',
        code: 'timeout',
        detail: `The request took longer than ${options.requestTimeoutMs} ms and was cancelled`,
      }
      head.cancelled = true
      connection.cancel()
    } else if (head.cancelled && connection.usable) connection.cancel()
  }

  return {
    get open() {
      return connections.length
    },
    get inFlight() {
      return connections.reduce((sum, { inFlight }) => sum + inFlight, 0)
    },
    get queued() {
      return queue.length
    },
    run,
    async close() {
      closing = true
      for (const timer of timers) clearTimeout(timer)
      for (const waiting of queue.splice(0)) fail(waiting, 'overloaded', 'The gateway is shutting down')
      if (connections.some(({ inFlight }) => inFlight > 0)) {
        await new Promise<void>((resolve) => {
          whenIdle = resolve
        })
      }
      clearInterval(sweeper)
      for (const connection of connections.splice(0)) connection.end()
    },
  }
}

/**
 * What to send again for a request that failed, if anything: an outdated plan fails before anything is done, and a
 * cancel request meant for another rolls back all that this one did. Alone on its connection it cannot be struck again.
 */
function toRetry(flight: Flight): Work | undefined {
  const { work, error } = flight
  if (isOutdated(flight)) {
    return { ...work, statements: work.statements.map((statement) => ({ ...statement, prepare: false })) }
  }
  const struck = !flight.cancelled && flight.cancelStruck && error?.kind === 'postgres' && error.error.code === '57014'
  return struck ? { ...work, exclusive: true } : undefined
}
