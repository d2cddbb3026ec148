/**
 * One request on its way through a connection: what is sent, what has come back so far, how it ended.
 */
import type { FailureCode } from '../errors.ts'
import type { RequestIdentity } from '../seal/form.ts'
import type { PostgresError } from './messages.ts'
import { Result, type ResultBounds, type ResultShape } from './result.ts'
import type { FindType } from './values.ts'

/** The identity that a request runs as. */
export interface GatewayIdentity extends RequestIdentity {
  /** The database remembers the session, so its ticket is sent in its place. It may change with each answer. */
  remembered?: boolean
}

/** One statement, its parameters in PostgreSQL's text format. */
export interface Statement {
  readonly sql: string
  readonly params: readonly (string | null)[]
  /** Keep the statement prepared on the connection, for the next request with the same text. */
  readonly prepare: boolean
  readonly shape: ResultShape
  /** What it has in common with statements that take as long; absent: its text. */
  readonly paceKey?: string | undefined
}

/** What a narrowed identity's work is held to, besides what was judged of its statements. */
export interface WorkLimits {
  /** The transaction is READ ONLY. */
  readonly readOnly: boolean
  /** Names of tables, quoted; each has to stand for the same as one of its list, or nothing runs. */
  readonly names: ReadonlyMap<string, readonly string[]>
  /** Rows that all statements together may return or change. */
  readonly maxRows: number | undefined
}

/** One transaction's worth of work. */
export interface Work {
  /** Absent only where the login role itself is the identity (password mode). */
  readonly identity: GatewayIdentity | undefined
  readonly statements: readonly Statement[]
  /** `START TRANSACTION …`; without it the statements are one implicit transaction. */
  readonly begin: string | undefined
  /** W3C Trace Context of the request: SQL and triggers can read it as the setting `rowpass.traceparent`. */
  readonly traceparent?: string
  /** Absent for an identity that is not narrowed. */
  readonly limits?: WorkLimits | undefined
  /** It is committed only if its statements have changed no more rows than `limits` has; it has `begin`. */
  readonly counted?: boolean
  /** Runs alone on its connection. Requests that share one are all single statements of the class `fast`. */
  readonly exclusive: boolean
  /** Discard all session state before the connection serves anybody else. Behind a pooler it needs `begin`. */
  readonly reset: boolean
  /** It changes no row, locks none and calls nothing that might: safe to run twice. Absent is false. */
  readonly readOnly?: boolean
  /** Looks up the types of results that are not raw text; without it arrays stay text. */
  readonly findType?: FindType
  /** Told how many bytes its results have by now, when they are many. Returns false when there is no room for them. */
  readonly hold?: (bytes: number) => boolean
  /**
   * The place in the log, as `pg_lsn` writes it, up to which its server has to be a standby that has replayed it: else it
   * fails before its statement. Absent on the primary.
   */
  readonly replayed?: string
  /** Does nothing while this is the version of the schema: see `schema-version.ts`. */
  readonly unlessVersion?: string
  /** How much of each result is kept; absent: all of it. */
  readonly bounds?: ResultBounds | undefined
  /**
   * How its transaction ends, where it has `begin`: it is rolled back, or committed only if its statements changed so many
   * rows, which takes one more way there and back. Absent: it is committed.
   */
  readonly ending?: 'rollback' | { readonly rows: number } | undefined
}

/**
 * How a request is run: on a connection that others share; alone on one, for a short while; alone for as long as the
 * gateway lets any request run. It may change while the request runs, by what it turns out to be.
 */
export type Lane = 'shared' | 'alone' | 'slow'

/** How a request ended when it did not succeed. */
export type FlightError =
  | { readonly kind: 'postgres'; readonly error: PostgresError }
  | { readonly kind: 'failure'; readonly code: FailureCode; readonly detail?: string; readonly cause?: unknown }

/** A request between its sending and the end of its transaction. */
export interface Flight {
  readonly work: Work
  /** The results so far, one for each statement. */
  readonly sinks: readonly Result[]
  /** Called once, when the transaction is over. */
  readonly done: (flight: Flight) => void
  /** Whom it counts against; `''` for housekeeping. */
  readonly owner: string
  lane: Lane
  /** Bytes of its results of which `work.hold` was told. */
  held: number
  /** It was taken for a quick one, and another owner's requests waited behind it for too long. */
  heldUp: boolean
  /** Milliseconds that requests like it usually take; undefined for one that shares its Sync with nobody. */
  usualMs: number | undefined
  /** It shares its Sync with these, itself among them, in their order; see `group.ts`. */
  group: readonly Flight[] | undefined
  /** Requests of its group that come after it: until they have ended too, nothing may have been heard of any of them. */
  behind: number
  /** Microseconds of the server's clock when its transaction began; undefined where it has not said so. */
  beganAt: number | undefined
  /** Milliseconds by the server's clock, of a request of a group that has ended. */
  tookMs: number | undefined
  /** Its group took too long, and another owner's requests waited for that. */
  crowded: boolean
  /** It was not run, as one before it in its group failed. */
  passedOver: boolean
  /** Commands completed: first `begin` and what prepares the session, then the statements, then COMMIT. */
  step: number
  error: FlightError | undefined
  /** The server reported an error, whatever came of the request before that: its transaction was rolled back. */
  failed: boolean
  /** The server has committed it and gave up waiting until a standby has it, as it was cancelled meanwhile. */
  unreplicated: boolean
  /** Statements that were sent with a Parse, oldest first, until their ParseComplete. */
  readonly parsing: string[]
  /** Rows that have come. */
  rows: number
  /** It was sent with a ticket in place of the whole seal. */
  ticketed: boolean
  /** Whether one of the statements was prepared earlier, so that a changed table can have outdated it. */
  reusesPlan: boolean
  /** The version of the schema under which statements with parameters were prepared earlier; checked after the last one. */
  usedVersion: string | undefined
  /** Milliseconds of the monotonic clock when it became the oldest on its connection; 0 before. */
  startedAt: number
  /** Whether its transaction is to be committed was decided, where that depends on what it changed. */
  decided: boolean
  /** A cancel request is to be sent for it, or was. */
  cancelled: boolean
  /** When the first one was; 0 before. */
  cancelledAt: number
  /** How many were. */
  cancels: number
  /** A cancel request was sent on its connection, for it or for another. */
  cancelStruck: boolean
  /** Its bytes were handed to the socket. */
  sent: boolean
  /** Its connection broke first: `undone` when nothing that it did can have been committed, else `unknown`. */
  lost: 'undone' | 'unknown' | undefined
  /** Process id of the backend that runs it still, although it was cancelled: the request was given up, not ended. */
  stuckIn: number | undefined
}

const noTypes: FindType = () => undefined

/** Makes a flight that has not been sent. */
export function createFlight(work: Work, done: Flight['done'], lane: Lane = 'alone', owner = ''): Flight {
  return {
    work,
    sinks: work.statements.map(({ shape }) => new Result(shape, work.findType ?? noTypes, work.bounds)),
    done,
    owner,
    lane,
    held: 0,
    heldUp: false,
    usualMs: undefined,
    group: undefined,
    behind: 0,
    beganAt: undefined,
    tookMs: undefined,
    crowded: false,
    passedOver: false,
    step: 0,
    error: undefined,
    failed: false,
    unreplicated: false,
    parsing: [],
    rows: 0,
    ticketed: false,
    reusesPlan: false,
    usedVersion: undefined,
    startedAt: 0,
    decided: false,
    cancelled: false,
    cancelledAt: 0,
    cancels: 0,
    cancelStruck: false,
    sent: false,
    lost: undefined,
    stuckIn: undefined,
  }
}

/** Commands that come before the first statement. */
export function leadingSteps({ work, group }: Flight): number {
  const { begin, unlessVersion, reset, identity, traceparent, limits } = work
  return (
    (begin === undefined && group === undefined ? 0 : 1) +
    (unlessVersion === undefined ? 0 : 1) +
    (reset ? 1 : 0) +
    (identity === undefined ? 0 : 1) +
    (traceparent === undefined ? 0 : 1) +
    (limits?.readOnly === true ? 1 : 0) +
    (limits !== undefined && limits.names.size > 0 ? 1 : 0)
  )
}

/** Whether a flight failed since a name stands for another table than it may: the last thing before its statements. */
export function isOtherTable(flight: Flight): boolean {
  const { work, error, step } = flight
  if (work.limits === undefined || work.limits.names.size === 0 || error?.kind !== 'postgres') return false
  return step === leadingSteps(flight) - 1 && error.error.code === '22012'
}

/**
 * Ends a flight whose connection broke.
 *
 * @param inTurn whether the server itself said that it ends the session. It says so in its turn, after the results of what
 *   it has done: where the last statement has none, the transaction was not committed. Without a word, or by that of a
 *   pooler, only what was never sent is known not to have been done.
 */
export function loseFlight(flight: Flight, cause: Error, inTurn: boolean): void {
  const { work, step, sent, error } = flight
  const undone = !sent || (inTurn && step < leadingSteps(flight) + work.statements.length)
  flight.lost = undone ? 'undone' : 'unknown'
  // The server's own error is the outcome, and so is one of ours that says more than that it was cancelled.
  if (error !== undefined && !(error.kind === 'failure' && wasGivenUp.has(error.code))) return
  if (undone || work.readOnly === true) flight.error ??= { kind: 'failure', code: 'database_unavailable', cause }
  else flight.error = { kind: 'failure', code: 'outcome_unknown', cause }
}

/**
 * Ends a flight that was cancelled too late: the server has done all of it and reported no error. Whether a commit that was
 * waiting for a standby then stays is known to none.
 */
export function doubtCommit(flight: Flight): void {
  const { work, step, error, failed, unreplicated } = flight
  if (failed || work.readOnly === true || work.ending === 'rollback') return
  const cancelled = error?.kind === 'failure' && (error.code === 'timeout' || error.code === 'overloaded')
  if (!unreplicated && !(cancelled && step >= leadingSteps(flight) + work.statements.length)) return
  flight.error = { kind: 'failure', code: 'outcome_unknown' }
}

/** Errors with which a request was cancelled; its outcome is open until the server has answered. */
const wasGivenUp: ReadonlySet<FailureCode> = new Set(['timeout', 'overloaded', 'response_too_large', 'answer_dropped'])
