/**
 * The line that the log has of each request, composed of what its steps have learnt.
 */
import type { SqlAnswered } from '../events.ts'
import type { Flight } from '../postgres/flight.ts'
import type { Verdict } from '../statement/classify.ts'
import type { Ending } from './contract/respond.ts'
import type { SqlRequest } from './http/receive.ts'

/** Who a request is from, as far as it was found out. */
export type Who = Pick<SqlAnswered, 'auth' | 'iss' | 'sub' | 'tenantId' | 'kid' | 'jtiHash' | 'role' | 'actor'>

/** A request that was answered, and what is known of it. */
export interface Answered {
  readonly who: Who
  /** Of its statements, up to the one that could not be judged. */
  readonly verdicts?: readonly Verdict[]
  /** Its token is narrowed: the line says what was done with which tables. */
  readonly narrowed?: boolean
  /** Where it came to PostgreSQL. */
  readonly flight?: Flight | undefined
  readonly ending: Ending
  /** Through which tool it came. */
  readonly tool?: string
}

/** A client that has not shown who it is. */
export const nobody: Who = { auth: 'none' }

/** Composes the line. */
export function toAuditLine(request: SqlRequest, answered: Answered, startedAt: number): SqlAnswered {
  const { who, verdicts = [], flight, ending } = answered
  const line: { -readonly [Name in keyof SqlAnswered]: SqlAnswered[Name] } = {
    type: 'sql_answered',
    requestId: request.id,
    auth: who.auth,
    fingerprints: verdicts.flatMap((verdict) => (verdict.kind === 'refused' ? [] : verdict.fingerprint)),
    rows: countRows(flight),
    durationMs: 0,
    outcome: ending.outcome,
  }
  Object.assign(line, who)
  if (answered.tool !== undefined) line.tool = answered.tool
  if (answered.narrowed === true && ending.outcome === 'ok') line.tables = tablesOf(verdicts)
  const traceparent = traceparentOf(request)
  if (traceparent !== undefined) line.traceparent = traceparent
  if (ending.sqlstate !== undefined) line.sqlstate = ending.sqlstate
  if (ending.cause !== undefined) line.cause = ending.cause
  line.durationMs = performance.now() - startedAt
  return line
}

const maxTables = 20

/** Names that there are, as the statements have succeeded: nothing that a client made up. */
function tablesOf(verdicts: readonly Verdict[]): readonly string[] {
  const uses = verdicts.flatMap((verdict) => (verdict.kind === 'refused' ? [] : verdict.tables))
  const texts = uses.map(({ schema, name, command }) => `${command} ${schema === undefined ? '' : `${schema}.`}${name}`)
  return [...new Set(texts)].slice(0, maxTables)
}

/** W3C Trace Context §3.2; anything else that a client sends there stays out of the log. */
const traceContext = /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/

/** The trace context of a request, where it has one. */
export function traceparentOf({ headers: { traceparent } }: SqlRequest): string | undefined {
  return traceparent !== undefined && traceContext.test(traceparent) ? traceparent : undefined
}

function countRows(flight: Flight | undefined): number {
  if (flight === undefined || flight.error !== undefined) return 0
  let rows = 0
  for (const { rowCount } of flight.sinks) rows += rowCount
  return rows
}
