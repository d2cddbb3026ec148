/**
 * What a connection receives: each message goes to the flight whose turn it is.
 */
import { type Flight, leadingSteps } from './flight.ts'
import { isCommitted } from './group.ts'
import { backend, isFatal, readCommandTag, readError, readFields, readTime } from './messages.ts'
import type { Outgoing } from './outgoing.ts'
import { createMessageReader } from './reader.ts'
import { describeFields, type Result, tooLarge, tooManyRows } from './result.ts'

/** Results are counted by so many bytes. */
const holdBytes = 64 * 1024

/** Of PostgreSQL's sources: what a statement raises by itself has another. */
const standbyWait = 'SyncRepWaitForLSN'

/** What the receiving side needs to know of its connection, and what it reports to it. */
export interface IncomingOptions {
  /** Requests that were sent, the oldest first. */
  readonly flights: readonly Flight[]
  readonly outgoing: Outgoing
  /** Bytes of results that one request may collect. */
  readonly maxResponseBytes: number
  /** The transaction of the oldest request has begun, by the server's clock. */
  onBegun(flight: Flight): void
  /** The oldest request is committed, and others of its group are still to come. */
  onCommitted(flight: Flight): void
  /** The server is done with the oldest request; those of its group that come after it were passed over. */
  onReady(flight: Flight, outsideTransaction: boolean): void
  /** The oldest request has an error of ours, and its results are not wanted any more. */
  onUnwanted(): void
  /** The server ends the session, and says why; or a pooler, out of its turn. */
  onFatal(reason: Error, inTurn: boolean): void
  /** The server sends what cannot be dealt with. */
  onProtocolError(reason: Error): void
}

/** Returns a function that takes each chunk as it arrives. What is no message throws a RangeError. */
export function createIncoming(options: IncomingOptions): (chunk: Buffer) => void {
  const { flights, outgoing, maxResponseBytes } = options

  function onMessage(type: number, bytes: Buffer, start: number, end: number): void {
    if (type === backend.errorResponse && isFatal(bytes, start, end)) {
      const { message, code, routine } = readError(bytes, start, end)
      // PostgreSQL names the routine of its source. A pooler knows of the server's end, and not of what it had done.
      options.onFatal(new Error(`${message} (${code})`), routine !== undefined)
    }
    const flight = flights[0]
    if (flight === undefined) return
    switch (type) {
      case backend.dataRow:
        onRow(flight, bytes, start, end)
        return
      case backend.commandComplete:
        currentSink(flight)?.complete(readCommandTag(bytes, start, end))
        flight.step++
        checkSize(flight)
        if (flight.behind > 0 && isCommitted(flight)) options.onCommitted(flight)
        return
      case backend.portalSuspended:
        currentSink(flight)?.stop()
        flight.step++
        return
      case backend.readyForQuery:
        options.onReady(flight, bytes[start] === 0x49)
        return
      case backend.rowDescription:
        onDescription(flight, readFields(bytes, start))
        return
      case backend.noData:
        onDescription(flight, [])
        return
      case backend.errorResponse:
        flight.failed = true
        flight.error ??= { kind: 'postgres', error: readError(bytes, start, end) }
        return
      case backend.noticeResponse:
        flight.unreplicated ||= readError(bytes, start, end).routine === standbyWait
        return
      case backend.emptyQueryResponse:
        currentSink(flight)?.complete({ command: '', rowCount: null })
        flight.step++
        return
      case backend.copyInResponse:
      case backend.copyOutResponse:
      case backend.copyBothResponse:
        flight.error ??= { kind: 'failure', code: 'request_invalid', detail: 'unexpected message from server' }
        options.onProtocolError(new Error('COPY is not possible over HTTP'))
    }
  }

  function currentSink(flight: Flight): Result | undefined {
    return flight.sinks[flight.step - leadingSteps(flight)]
  }

  function onDescription(flight: Flight, fields: ReturnType<typeof readFields>): void {
    const description = describeFields(fields)
    currentSink(flight)?.describe(description)
    outgoing.onDescribed(flight, description)
  }

  function onRow(flight: Flight, bytes: Buffer, start: number, end: number): void {
    if (flight.group !== undefined && flight.beganAt === undefined) {
      flight.beganAt = readTime(bytes, start)
      options.onBegun(flight)
      return
    }
    const sink = currentSink(flight)
    if (sink === undefined || flight.error !== undefined) return
    sink.row(bytes, start, end)
    checkSize(flight)
    flight.rows++
    checkRows(flight)
  }

  function checkRows(flight: Flight): void {
    const { limits, bounds } = flight.work
    // Of what is bounded no more is kept than a token allows.
    if (limits?.maxRows === undefined || bounds !== undefined || flight.rows <= limits.maxRows) return
    flight.error = { kind: 'failure', code: 'rows_exceeded', detail: tooManyRows(limits.maxRows) }
    options.onUnwanted()
  }

  function checkSize(flight: Flight): void {
    let size = 0
    for (const each of flight.sinks) size += each.size
    if (size > maxResponseBytes) onOversized()
    else if (size > flight.held + holdBytes) {
      flight.held = size
      if (flight.work.hold?.(size) === false) onNoRoom(flight)
    }
  }

  /** A change goes on to its end, so that it is known to have been made. */
  function onNoRoom(flight: Flight): void {
    flight.error ??= { kind: 'failure', code: 'answer_dropped' }
    if (flight.work.readOnly === true) options.onUnwanted()
  }

  function onOversized(): void {
    const flight = flights[0]
    if (flight === undefined || flight.error !== undefined) return
    flight.error = { kind: 'failure', code: 'response_too_large', detail: tooLarge(maxResponseBytes) }
    options.onUnwanted()
  }

  return createMessageReader({ onMessage, onOversized, maxMessageBytes: maxResponseBytes + 1024 })
}
