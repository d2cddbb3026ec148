/**
 * Turns facts into JSON log lines. What may be logged is what events hold: no token, SQL text, parameter or password.
 */
import { Failure } from '../errors.ts'
import type { Emit, RowpassEvent, SqlAnswered } from '../events.ts'
import { connectRemedy } from '../postgres/server-url.ts'
import { createAuditChain } from './audit-chain.ts'

/** Where lines go; `process.stdout` is one. */
export interface LogDestination {
  /** Takes whole lines, each with its newline. Must not throw. */
  write(lines: string): unknown
}

/** How lines are written. */
export interface EventLogOptions {
  /**
   * For how many milliseconds the lines of requests may be held, to be written together. Default 0: each by itself. They are
   * also written when 16 KiB are held, with every other event, and when the process exits or ends by an error that nobody
   * caught. A signal that nobody listens to, or that cannot be listened to, ends a process without that.
   */
  readonly holdMs?: number
  /**
   * Whether the lines of requests hang together, so that `rowpass audit verify` notices one that is missing or was edited.
   * Costs some 2 µs a request. Default false.
   */
  readonly chain?: boolean
  /** The number of this process where there are several: a member of each line. */
  readonly worker?: number
}

/** For how long `rowpass gateway` holds lines. More would gain no more than 1 µs a request, and be lost with a process that is killed. */
export const maxHoldMs = 20

const levels: Readonly<Record<RowpassEvent['type'], 'info' | 'warn' | 'error'>> = {
  backend_ended: 'info',
  catalog_failed: 'error',
  catalog_read: 'info',
  clock_differs: 'warn',
  config_refused: 'error',
  config_reloaded: 'info',
  connection_closed: 'warn',
  connection_failed: 'error',
  connection_opened: 'info',
  database_exposed: 'warn',
  database_unprepared: 'error',
  explain_allowed: 'warn',
  gateway_stopped: 'info',
  gateway_stopping: 'info',
  issuer_loosened: 'warn',
  jwks_failed: 'error',
  jwks_loaded: 'info',
  login_failed: 'warn',
  replica_joined: 'info',
  replica_lost: 'warn',
  schema_unwatched: 'warn',
  session_closed: 'info',
  session_opened: 'info',
  server_changed: 'warn',
  session_refused: 'warn',
  sql_answered: 'info',
  statement_stuck: 'error',
  thread_replaced: 'warn',
  token_refused: 'warn',
  worker_replaced: 'error',
}

/** As pino and its readers number them. */
const levelNumbers = { info: 30, warn: 40, error: 50 }
/** UTF-16 units. */
const maxHeldLength = 16 * 1024

/**
 * Makes the log. One line for each event; `msg` is its type.
 *
 * @example
 * const gateway = createGateway(parseGatewayConfig(process.env), { emit: createEventLog(process.stdout) })
 */
export function createEventLog(
  destination: LogDestination,
  { holdMs = 0, chain: chained = false, worker }: EventLogOptions = {},
): Emit {
  const place = worker === undefined ? '' : `,"worker":${worker}`
  const chain = chained ? createAuditChain() : undefined
  let held = chain === undefined ? '' : chain.begin()
  let timer: NodeJS.Timeout | undefined

  function release(): void {
    clearTimeout(timer)
    timer = undefined
    process.off('exit', release)
    const lines = held
    held = ''
    destination.write(lines)
  }

  return (event) => {
    const line = event.type === 'sql_answered' ? toRequestLine(event, place) : toLine(event, place)
    const hangs = event.type === 'sql_answered' || event.type === 'gateway_stopped'
    held += chain !== undefined && hangs ? chain.link(line) : line
    if (holdMs === 0 || event.type !== 'sql_answered' || held.length >= maxHeldLength) return release()
    if (timer !== undefined) return
    timer = setTimeout(release, holdMs)
    timer.unref()
    process.on('exit', release)
  }
}

/** @param place members in front of the last one */
function toLine(event: RowpassEvent, place: string): string {
  const { type, ...fields } = event
  const described = 'cause' in fields ? { ...fields, cause: describeCause(fields.cause) } : fields
  const level = levelNumbers[levels[type]]
  const line = JSON.stringify({ level, time: new Date().toISOString(), ...described })
  return `${line.slice(0, -1)}${place},"msg":"${type}"}\n`
}

/** The same for the one event that each request has, member by member: {@link toLine} takes three times as long. */
function toRequestLine(event: SqlAnswered, place: string): string {
  const { fingerprints, rows, durationMs, traceparent, tenantId, jtiHash, sqlstate, tool } = event
  let line = `{"level":30,"time":"${timestamp()}","requestId":${quote(event.requestId)}`
  if (traceparent !== undefined) line += `,"traceparent":${quote(traceparent)}`
  line += `,"auth":"${event.auth}"`
  if (event.iss !== undefined) line += `,"iss":${quote(event.iss)}`
  if (event.sub !== undefined) line += `,"sub":${quote(event.sub)}`
  if (tenantId !== undefined) line += `,"tenantId":${quote(tenantId)}`
  if (event.kid !== undefined) line += `,"kid":${quote(event.kid)}`
  if (jtiHash !== undefined) line += `,"jtiHash":${quote(jtiHash)}`
  if (event.role !== undefined) line += `,"role":${quote(event.role)}`
  if (tool !== undefined) line += `,"tool":${quote(tool)}`
  if (event.actor !== undefined) line += `,"actor":${quote(event.actor)}`
  const [first] = fingerprints
  line += `,"fingerprints":${first !== undefined && fingerprints.length === 1 ? `[${quote(first)}]` : JSON.stringify(fingerprints)}`
  if (event.tables !== undefined) line += `,"tables":${JSON.stringify(event.tables)}`
  // In microseconds: more digits than the clock has cost as much as all the rest of a number.
  line += `,"rows":${rows},"durationMs":${Math.round(durationMs * 1_000) / 1_000},"outcome":"${event.outcome}"`
  if (sqlstate !== undefined) line += `,"sqlstate":${quote(sqlstate)}`
  if (event.cause !== undefined) line += `,"cause":${quote(describeCause(event.cause))}`
  return `${line}${place},"msg":"sql_answered"}\n`
}

/** Texts that stand in JSON as they are. */
const plain = /^[ !#-[\]-~]*$/

function quote(text: string): string {
  return plain.test(text) ? `"${text}"` : JSON.stringify(text)
}

let stampedMs = 0
let stamp = ''

function timestamp(): string {
  const now = Date.now()
  if (now !== stampedMs) {
    stampedMs = now
    stamp = new Date(now).toISOString()
  }
  return stamp
}

/** A cause as text: messages of the error and of what caused it, details of ours and remedies, no other member of either. */
function describeCause(cause: unknown): string {
  const messages: string[] = []
  for (let error = cause; error instanceof Error && messages.length < 5; error = error.cause) {
    const more = error instanceof Failure ? error.detail : connectRemedy(error)
    messages.push(`${error.name}: ${error.message}${more === undefined ? '' : `: ${more}`}`)
  }
  return messages.join(' ← ')
}
