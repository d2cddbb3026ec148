/**
 * One connection to PostgreSQL that carries several requests at once.
 * node-postgres connects and authenticates; from then on the stream is read and written here.
 */
import { serialize } from 'pg-protocol'
import { createFlight, type Flight, type FlightError, leadingSteps, type Work } from './flight.ts'
import { backend, readCommandTag, readError, readFields } from './messages.ts'
import { createOutgoing } from './outgoing.ts'
import { createMessageReader } from './reader.ts'
import { describeFields, type ResultSink } from './result.ts'
import { type Login, openSession, requestCancel } from './session.ts'

/** How to connect, and the limits of one connection. */
export interface ConnectionOptions extends Login {
  readonly statementTimeoutMs: number
  readonly lockTimeoutMs: number
  /** Bytes of results that one request may collect. */
  readonly maxResponseBytes: number
  /**
   * Prepared statements kept on the connection. 0 is for a pooler in transaction mode, where only a transaction has a
   * session of its own: no statement is named, and timeouts and cleaning belong to the transaction.
   */
  readonly maxPreparedStatements: number
}

/** A connection that is ready for requests. */
export interface Connection {
  /** Requests sent and not answered, and the cleaning after them. */
  readonly inFlight: number
  /** The oldest unanswered request. */
  readonly head: Flight | undefined
  /** Whether all that is in flight is expected to be quick. */
  readonly quick: boolean
  /** False once it is closed, being cleaned, or has been told to cancel. */
  readonly usable: boolean
  submit(flight: Flight): void
  /** Asks the server to cancel whatever this connection runs. The connection takes no further request until it is idle. */
  cancel(): void
  /** Closes at once; every request in flight ends with `database_unavailable`. */
  destroy(reason: Error): void
  /** Closes in good order; only when nothing is in flight. */
  end(): void
}

/** What a connection reports to its pool. */
export interface ConnectionListener {
  /** A request ended or the cleaning did; there may be room for the next. */
  onProgress(): void
  onClose(reason: Error): void
}

const idleInTransactionTimeoutMs = 30_000

/**
 * Opens a connection.
 * @throws the error of node-postgres when the server cannot be reached or refuses the login
 */
export async function openConnection(options: ConnectionOptions, listener: ConnectionListener): Promise<Connection> {
  const pooled = options.maxPreparedStatements === 0
  const session = await openSession(
    {
      server: options.server,
      user: options.user,
      password: options.password,
      database: options.database,
      applicationName: options.applicationName,
      connectTimeoutMs: options.connectTimeoutMs,
    },
    pooled
      ? {}
      : {
          statement_timeout: options.statementTimeoutMs,
          lock_timeout: options.lockTimeoutMs,
          idle_in_transaction_session_timeout: idleInTransactionTimeoutMs,
        },
  )
  const { stream } = session
  const outgoing = createOutgoing({ ...options, pooled, idleInTransactionTimeoutMs })
  const flights: Flight[] = []
  let flushing = false
  let closed = false
  let cleaning = false
  /** Cancel requests whose sockets have not closed: one of them may still strike. */
  let cancelsOpen = 0
  let cancelSent = false
  /** Requests in flight that are not known to be quick. */
  let unproven = 0

  function flushSoon(): void {
    if (flushing) return
    flushing = true
    // After the poll phase: the requests of all HTTP sockets read in one turn leave in one write.
    setImmediate(flush)
  }

  function flush(): void {
    flushing = false
    const bytes = outgoing.take()
    if (bytes !== undefined && !closed) stream.write(bytes)
  }

  function prepareEnvelope(): Promise<void> {
    if (!outgoing.prepareEnvelope()) return Promise.resolve()
    const prepared = sendInternal()
    const onDone = outgoing.prepareSessionEnvelope()
    push(createFlight(internalWork, ({ error }) => onDone(error === undefined), true))
    return prepared
  }

  /** Counts a request of our own, so that its ReadyForQuery is awaited; it must not fail. */
  function sendInternal(): Promise<void> {
    return new Promise((resolve) => {
      const onDone = ({ error }: Flight): void => {
        if (error !== undefined) destroy(new Error('housekeeping failed', { cause: error }))
        resolve()
      }
      push(createFlight(internalWork, onDone, true))
    })
  }

  function push(flight: Flight): void {
    if (flights.length === 0) flight.startedAt = performance.now()
    if (!flight.quick) unproven++
    flights.push(flight)
    flushSoon()
  }

  function onMessage(type: number, bytes: Buffer, start: number, end: number): void {
    const flight = flights[0]
    if (flight === undefined) return
    switch (type) {
      case backend.dataRow:
        onRow(flight, bytes, start)
        return
      case backend.commandComplete:
        currentSink(flight)?.complete(readCommandTag(bytes, start, end))
        flight.step++
        return
      case backend.readyForQuery:
        onReady(flight, bytes[start] === 0x49)
        return
      case backend.rowDescription:
        onDescription(flight, readFields(bytes, start))
        return
      case backend.noData:
        onDescription(flight, [])
        return
      case backend.errorResponse:
        flight.error ??= { kind: 'postgres', error: readError(bytes, start, end) }
        return
      case backend.emptyQueryResponse:
        currentSink(flight)?.complete({ command: '', rowCount: null })
        flight.step++
        return
      case backend.copyInResponse:
      case backend.copyOutResponse:
      case backend.copyBothResponse:
        flight.error ??= { kind: 'failure', code: 'request_invalid', detail: 'unexpected message from server' }
        destroy(new Error('COPY is not possible over HTTP'))
    }
  }

  function currentSink(flight: Flight): ResultSink | undefined {
    return flight.sinks[flight.step - leadingSteps(flight.work)]
  }

  function onDescription(flight: Flight, fields: ReturnType<typeof readFields>): void {
    const description = describeFields(fields)
    currentSink(flight)?.describe(description)
    outgoing.onDescribed(flight, description)
  }

  function onRow(flight: Flight, bytes: Buffer, start: number): void {
    const sink = currentSink(flight)
    if (sink === undefined || flight.error !== undefined) return
    sink.row(bytes, start)
    let size = 0
    for (const each of flight.sinks) size += each.size
    if (size > options.maxResponseBytes) onOversized()
  }

  function onOversized(): void {
    const flight = flights[0]
    if (flight === undefined || flight.error !== undefined) return
    flight.error = {
      kind: 'failure',
      code: 'response_too_large',
      detail: `response is too large (max is ${options.maxResponseBytes} bytes)`,
    }
    flight.cancelled = true
    cancel()
  }

  function onReady(flight: Flight, outsideTransaction: boolean): void {
    flights.shift()
    if (!flight.quick) unproven--
    outgoing.onEnd(flight)
    flight.cancelStruck = cancelSent
    const next = flights[0]
    if (next !== undefined) next.startedAt = performance.now()
    if (!outsideTransaction || (flight.work.reset && !pooled)) clean(outsideTransaction)
    else if (cleaning && next === undefined) cleaning = false
    if (cancelSent && next === undefined && !wasCancelled(flight)) {
      // The cancel request struck nothing, so it may strike whatever comes next.
      destroy(new Error('a cancel request was sent'))
    } else if (next === undefined) cancelSent = false
    flight.done(flight)
    listener.onProgress()
  }

  function clean(outsideTransaction: boolean): void {
    cleaning = true
    if (!outsideTransaction) {
      outgoing.rollback()
      void sendInternal()
    }
    if (pooled) return
    outgoing.discardAll()
    void sendInternal()
    void prepareEnvelope()
  }

  function cancel(): void {
    if (closed) return
    cancelSent = true
    cancelsOpen++
    void requestCancel(session, options.connectTimeoutMs).then(() => {
      cancelsOpen--
      listener.onProgress()
    })
  }

  function destroy(reason: Error): void {
    if (closed) return
    closed = true
    stream.destroy()
    const lost: FlightError = { kind: 'failure', code: 'database_unavailable', cause: reason }
    for (const flight of flights.splice(0)) {
      flight.error ??= lost
      flight.done(flight)
    }
    listener.onClose(reason)
  }

  const read = createMessageReader({ onMessage, onOversized, maxMessageBytes: options.maxResponseBytes + 1024 })
  stream.on('data', (chunk: Buffer) => {
    try {
      read(chunk)
    } catch (error) {
      destroy(error instanceof Error ? error : new Error('unreadable message'))
    }
  })
  stream.on('close', () => destroy(new Error('the server closed the connection')))
  stream.resume()
  const patience = setTimeout(() => destroy(new Error('the server does not answer')), options.connectTimeoutMs)
  await prepareEnvelope()
  clearTimeout(patience)
  if (closed) throw new Error('the server closed the connection')

  return {
    get inFlight() {
      return flights.length
    },
    get head() {
      return flights[0]
    },
    get quick() {
      return unproven === 0
    },
    get usable() {
      return !closed && !cleaning && !cancelSent && cancelsOpen === 0
    },
    submit(flight) {
      outgoing.work(flight)
      push(flight)
    },
    cancel,
    destroy,
    end() {
      closed = true
      stream.end(serialize.end())
    },
  }
}

const internalWork: Work = { identity: undefined, statements: [], begin: undefined, exclusive: true, reset: false }

/** Whether the server's answer shows that a cancel request reached this request. */
function wasCancelled(flight: Flight): boolean {
  return flight.error?.kind === 'postgres' && flight.error.error.code === '57014'
}
