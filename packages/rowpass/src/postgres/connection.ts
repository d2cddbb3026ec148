/**
 * One connection to PostgreSQL that carries several requests at once.
 * node-postgres connects and authenticates; from then on the stream is read and written here.
 */
import { serialize } from 'pg-protocol'
import { createFlight, doubtCommit, type Flight, loseFlight, type Work } from './flight.ts'
import { arrange, timeInGroup } from './group.ts'
import { createIncoming } from './incoming.ts'
import { createOutgoing, errorCode } from './outgoing.ts'
import { internalWork, isReadOnlyWork, readVersionWork, saysReadOnly, versionIn, wasCancelled } from './own-work.ts'
import { createSchemaVersion, type SchemaVersion } from './schema-version.ts'
import { isForWriter } from './servers.ts'
import { openSession, requestCancel, type SessionLogin } from './session.ts'

/** How to connect, and the limits of one connection. */
export interface ConnectionOptions extends SessionLogin {
  readonly statementTimeoutMs: number
  readonly lockTimeoutMs: number
  /** Bytes of results that one request may collect. */
  readonly maxResponseBytes: number
  /**
   * Prepared statements kept on the connection. 0 is for a pooler in transaction mode, where only a transaction has a
   * session of its own: no statement is named, and timeouts and cleaning belong to the transaction.
   */
  readonly maxPreparedStatements: number
  /** What the connections know of the schema together; by default each connection is alone with it. */
  readonly schemaVersion?: SchemaVersion
  /** It leads to a standby, and its requests have `replayed`. */
  readonly onStandby?: boolean
}

/** A connection that is ready for requests. */
export interface Connection {
  /** Process id of its backend. */
  readonly pid: number
  /** Host and port of its server, as the URL has them. */
  readonly server: string
  /** Requests sent and not answered, and the cleaning after them. */
  readonly inFlight: number
  /** The oldest unanswered request. */
  readonly head: Flight | undefined
  /** All of them, the oldest first. */
  readonly flights: readonly Flight[]
  /** False once it is closed, retired, being cleaned, or has been told to cancel. */
  readonly usable: boolean
  submit(flight: Flight): void
  /** Asks the server to cancel whatever this connection runs. The connection takes no further request until it is idle. */
  cancel(): void
  /**
   * Gives up: every request in flight ends with `database_unavailable` or `outcome_unknown`. The socket stays half open
   * until the server closes it: that is when the backend has ended, and not before.
   */
  destroy(reason: Error): void
  /** Takes no further request, and gives up once those in flight have ended. */
  retire(reason: Error): void
  /** Closes the socket without waiting for the server, which has gone with its backends. */
  abandon(): void
  /** Closes in good order; only when nothing is in flight. */
  end(): void
}

/** What a connection reports to its pool. */
export interface ConnectionListener {
  /** A request ended or the cleaning did; there may be room for the next. */
  onProgress(): void
  /** The connection cannot be used any more, for whatever reason; its requests have ended. */
  onLost(reason: Error): void
  /** After that: the server has closed the socket, so that the backend is gone. */
  onGone(): void
  /** The server, which was to take writes, does not take any now. */
  onReadOnly(): void
}

const idleInTransactionTimeoutMs = 30_000
const maxTurnMs = 5
/**
 * How often a backend that is at work looks whether its client is there still. It ends when we have given it up, at the
 * next place where it looks for interrupts, and a function that catches its cancellation cannot prevent that.
 */
const connectionCheck = '-c client_connection_check_interval=1000'

/**
 * Opens a connection.
 * @throws the error of node-postgres when the server cannot be reached or refuses the login
 */
export async function openConnection(options: ConnectionOptions, listener: ConnectionListener): Promise<Connection> {
  const pooled = options.maxPreparedStatements === 0
  const session = await openSession(
    { ...options, ...(pooled ? {} : { options: connectionCheck }) },
    pooled
      ? {}
      : {
          statement_timeout: options.statementTimeoutMs,
          lock_timeout: options.lockTimeoutMs,
          idle_in_transaction_session_timeout: idleInTransactionTimeoutMs,
        },
  )
  const { stream } = session
  const schemaVersion = options.schemaVersion ?? createSchemaVersion()
  const outgoing = createOutgoing({ ...options, pooled, idleInTransactionTimeoutMs, schemaVersion })
  const flights: Flight[] = []
  /** Of them, how many have been written; those of our own come before requests that have not. */
  let written = 0
  /** The last of a group to be committed: how long it took is known once the next has begun. */
  let committed: Flight | undefined
  let flushing = false
  let closed = false
  let cleaning = false
  /** Cancel requests whose sockets have not closed: one of them may still strike. */
  let cancelsOpen = 0
  let cancelSent = false
  let retired: Error | undefined
  const forWriter = isForWriter(options.server)
  let askingForWriter = false

  function flushSoon(): void {
    if (flushing) return
    flushing = true
    // After the poll phase: the requests of all HTTP sockets read in one turn leave in one write.
    setImmediate(flush)
  }

  function flush(): void {
    flushing = false
    // What was sent is answered first: what arrives meanwhile makes a larger group.
    if (closed || (!pooled && flights[0]?.sent)) return
    writeWaiting()
    const bytes = outgoing.take()
    if (bytes === undefined) return
    for (let index = written - 1; index >= 0; index--) {
      const flight = flights[index]
      if (flight === undefined || flight.sent) break
      flight.sent = true
    }
    stream.write(bytes)
  }

  function writeWaiting(): void {
    const { apart, group, later } = arrange(flights.splice(written), !pooled)
    for (const flight of apart) outgoing.work([flight])
    // Last, as a ROLLBACK may have to come before anything else.
    if (group.length > 0) outgoing.work(group)
    flights.push(...apart, ...group)
    written = flights.length
    flights.push(...later)
    const head = flights[0]
    if (head !== undefined && !head.sent) head.startedAt = performance.now()
  }

  function prepareEnvelope(): Promise<void> {
    if (!outgoing.prepareEnvelope()) return Promise.resolve()
    const prepared = sendInternal()
    const onDone = outgoing.prepareSessionEnvelope()
    pushWritten(createFlight(internalWork, ({ error }) => onDone(error === undefined), 'shared'))
    return prepared
  }

  /** Counts a request of our own, so that its ReadyForQuery is awaited; it must not fail. */
  function sendInternal(): Promise<void> {
    return new Promise((resolve) => {
      const onDone = ({ error }: Flight): void => {
        if (error !== undefined) destroy(new Error('housekeeping failed', { cause: error }))
        resolve()
      }
      pushWritten(createFlight(internalWork, onDone, 'shared'))
    })
  }

  /** Takes account of a request of our own, whose bytes were written just now. */
  function pushWritten(flight: Flight): void {
    insert(flight, written)
    written++
  }

  function insert(flight: Flight, at: number): void {
    if (at === 0) flight.startedAt = performance.now()
    flights.splice(at, 0, flight)
    flushSoon()
  }

  /** Takes the oldest, and others after it, out of the account. */
  function shift(count: number): void {
    flights.splice(0, count)
    written -= count
    const next = flights[0]
    if (next !== undefined) next.startedAt = performance.now()
  }

  function onBegun(flight: Flight): void {
    if (committed !== undefined) settle(committed, flight)
  }

  function onCommitted(flight: Flight): void {
    committed = flight
    shift(1)
  }

  /** @param next the one after it in its group, if it has begun */
  function settle(flight: Flight, next: Flight | undefined): void {
    committed = undefined
    flight.tookMs = timeInGroup(flight, next)
    flight.cancelStruck = cancelSent
    outgoing.onEnd(flight)
    flight.done(flight)
    listener.onProgress()
  }

  /** One turn of the event loop reads as much as 2 MB from one socket: others are served in between. */
  function giveWay(): void {
    busyMs = 0
    stream.pause()
    setImmediate(() => stream.resume())
  }

  function onReady(flight: Flight, outsideTransaction: boolean): void {
    if (!outsideTransaction && outgoing.conclude(flight)) {
      // Its next ReadyForQuery is the last.
      stream.write(outgoing.take() ?? '')
      return
    }
    if (committed !== undefined) settle(committed, undefined)
    if (flight.group !== undefined) flight.tookMs = timeInGroup(flight, undefined)
    if (outsideTransaction) doubtCommit(flight)
    const passedOver = flights.slice(1, 1 + flight.behind)
    shift(1 + flight.behind)
    outgoing.onEnd(flight)
    if (outsideTransaction && !cleaning && !cancelSent) {
      const onChecked = outgoing.prepareCheck()
      if (onChecked !== undefined)
        pushWritten(createFlight(internalWork, ({ error }) => onChecked(error === undefined), 'shared'))
      // Not after itself: it would be sent again and again while the version does not settle.
      if (!pooled && flight.work !== readVersionWork && schemaVersion.beginReading()) readVersion()
    }
    flight.cancelStruck = cancelSent
    const next = flights[0]
    if (!outsideTransaction && flight.group !== undefined) rollback()
    else if (!outsideTransaction || (flight.work.reset && !pooled)) clean(outsideTransaction)
    else if (cleaning && next === undefined) cleaning = false
    if (forWriter && !askingForWriter && !cancelSent && errorCode(flight) === '25006') askForWriter()
    if (cancelSent && next === undefined && !wasCancelled(flight)) {
      // The cancel request struck nothing, so it may strike whatever comes next.
      destroy(new Error('a cancel request was sent'))
    } else if (next === undefined) cancelSent = false
    flight.done(flight)
    for (const each of passedOver) {
      each.passedOver = true
      outgoing.onEnd(each)
      each.done(each)
    }
    if (flights.length > 0) flushSoon()
    else if (retired !== undefined) destroy(retired)
    listener.onProgress()
  }

  /** A function may have made a transaction read-only by itself: the server is asked, so that nobody ends connections by that. */
  function askForWriter(): void {
    askingForWriter = true
    ask(isReadOnlyWork, (flight) => {
      askingForWriter = false
      if (saysReadOnly(flight)) listener.onReadOnly()
    })
  }

  function readVersion(): void {
    ask(readVersionWork, (flight) => schemaVersion.endReading(versionIn(flight)))
  }

  function ask(work: Work, onDone: Flight['done']): void {
    const flight = createFlight(work, onDone, 'shared')
    outgoing.work([flight])
    pushWritten(flight)
  }

  function rollback(): void {
    outgoing.rollback()
    void sendInternal()
  }

  function clean(outsideTransaction: boolean): void {
    cleaning = true
    if (!outsideTransaction) rollback()
    if (pooled) return
    outgoing.discardAll()
    void sendInternal()
    void prepareEnvelope()
  }

  function cancel(): void {
    if (closed) return
    const head = flights[0]
    if (head !== undefined) {
      // In a group it strikes whichever is under way.
      if (head.behind === 0) head.cancelled = true
      head.cancels++
      if (head.cancelledAt === 0) head.cancelledAt = performance.now()
    }
    cancelSent = true
    cancelsOpen++
    void requestCancel(session, options.connectTimeoutMs).then(() => {
      cancelsOpen--
      listener.onProgress()
    })
  }

  function lose(reason: Error, inTurn: boolean): void {
    if (closed) return
    closed = true
    stream.end(serialize.end())
    if (committed !== undefined) settle(committed, undefined)
    const lost = flights.splice(0)
    for (const flight of lost) loseFlight(flight, reason, inTurn)
    // First the pool, which sends some of them again: not to this connection.
    listener.onLost(reason)
    for (const flight of lost) flight.done(flight)
  }

  function destroy(reason: Error): void {
    lose(reason, false)
  }

  const read = createIncoming({
    flights,
    outgoing,
    maxResponseBytes: options.maxResponseBytes,
    onBegun,
    onCommitted,
    onReady,
    onUnwanted: cancel,
    onFatal: lose,
    onProtocolError: destroy,
  })
  let busyMs = 0
  stream.on('data', (chunk: Buffer) => {
    const startedAt = performance.now()
    try {
      read(chunk)
      busyMs += performance.now() - startedAt
      if (busyMs > maxTurnMs) giveWay()
    } catch (error) {
      destroy(error instanceof Error ? error : new Error('unreadable message'))
    }
  })
  stream.on('close', () => {
    lose(new Error('the server closed the connection'), false)
    listener.onGone()
  })
  stream.resume()
  const patience = setTimeout(() => destroy(new Error('the server does not answer')), options.connectTimeoutMs)
  await prepareEnvelope()
  clearTimeout(patience)
  if (closed) {
    stream.destroy()
    throw new Error('the server closed the connection')
  }

  return {
    pid: session.processID,
    server: session.name,
    flights,
    get inFlight() {
      return flights.length
    },
    get head() {
      return flights[0]
    },
    get usable() {
      return !closed && retired === undefined && !cleaning && !cancelSent && cancelsOpen === 0
    },
    submit(flight) {
      for (const sink of flight.sinks) sink.limit(options.maxResponseBytes)
      insert(flight, flights.length)
    },
    cancel,
    destroy,
    retire(reason) {
      retired ??= reason
      if (flights.length === 0) destroy(reason)
    },
    abandon: () => void stream.destroy(),
    end() {
      closed = true
      stream.end(serialize.end())
    },
  }
}
