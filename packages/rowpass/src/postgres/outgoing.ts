/**
 * What a connection sends: the envelope of an identity, the statements, and the housekeeping between requests.
 * Keeps account of the statements that the server has prepared.
 */

import {
  envelopeOf,
  standbyEnvelope,
  ticketEnvelope,
  ticketSessionEnvelope,
  wholeEnvelope,
  wholeSessionEnvelope,
} from './envelope.ts'
import {
  type Flight,
  type FlightError,
  type GatewayIdentity,
  leadingSteps,
  type Statement,
  type Work,
  type WorkLimits,
} from './flight.ts'
import { createStatementCache, type PreparedStatement } from './prepared-statements.ts'
import { type Description, type Result, tooManyRows } from './result.ts'
import { checkChangedSql, checkVersionSql, type SchemaVersion, versionParams } from './schema-version.ts'
import { createMessageWriter } from './writer.ts'

/** What the sending side needs to know of its connection. */
export interface OutgoingOptions {
  /** Behind a pooler in transaction mode: no statement is named, timeouts and cleaning belong to the transaction. */
  readonly pooled: boolean
  readonly maxPreparedStatements: number
  readonly statementTimeoutMs: number
  readonly lockTimeoutMs: number
  readonly idleInTransactionTimeoutMs: number
  /** Shared by the connections of a pool. */
  readonly schemaVersion: SchemaVersion
  /** Its requests have `replayed`. */
  readonly onStandby?: boolean
}

/** The sending side of a connection. Nothing leaves before {@link Outgoing.take}. */
export interface Outgoing {
  /** Prepares the envelope; a request of its own. False when there is nothing to prepare. */
  prepareEnvelope(): boolean
  /**
   * The same for identities that name a session. It may fail, in a database that `rowpass db migrate` has not reached.
   * Returns what is to be told whether it has succeeded; until then each request brings the text along.
   */
  prepareSessionEnvelope(): (succeeded: boolean) => void
  /**
   * Prepares the check of the schema's version once there is one; a request of its own, which may fail. Returns what is to
   * be told whether it has succeeded, undefined when there is nothing to prepare.
   */
  prepareCheck(): ((succeeded: boolean) => void) | undefined
  /** Everything that a request sends, or a group of them, to its Sync. */
  work(flights: readonly Flight[]): void
  /**
   * Ends the transaction of a request whose changed rows are to be counted first. False when there is nothing to decide: it
   * is no such request, was decided, or has failed.
   */
  conclude(flight: Flight): boolean
  /** Ends a transaction that was left open. */
  rollback(): void
  /** Discards all state of the session, prepared statements among it. */
  discardAll(): void
  /** The server has described the statement that a flight is at. */
  onDescribed(flight: Flight, description: Description): void
  /** A request is over: statements whose Parse failed, or whose plan no longer fits, are forgotten. */
  onEnd(flight: Flight): void
  /** The bytes to send; `undefined` when there are none. */
  take(): Buffer | undefined
}

/** Around each request of a group. */
const beginName = 'begin'
const commitName = 'commit'

const checkName = 'check'

const traceSql = "select set_config('rowpass.traceparent', $1, true) is null"

/** For the transaction. PostgreSQL does not take it back once a statement was run. */
const readOnlySql = "select set_config('transaction_read_only', 'on', true) is null"

/** Fails (22012) unless each name stands, as a statement that follows would have it, for the same as one that it is beside. */
const namesSql = `select 1 / (pg_catalog.bool_and(same))::pg_catalog.int4 from (
  select coalesce(pg_catalog.bool_or(
      pg_catalog.to_regclass(used) operator(pg_catalog.=) pg_catalog.to_regclass(allowed)), false) as same
    from unnest($1::pg_catalog.text[], $2::pg_catalog.text[]) as pairs (used, allowed) group by used) as names`

/** Everything that `DISCARD ALL` does, in a transaction: a pooler keeps the server until its end, and not for longer. */
const pooledCleaningSql = `ROLLBACK AND CHAIN; CLOSE ALL; SET SESSION AUTHORIZATION DEFAULT; RESET ROLE; RESET ALL;
  DEALLOCATE ALL; UNLISTEN *; SELECT pg_advisory_unlock_all(); DISCARD PLANS; DISCARD TEMP; DISCARD SEQUENCES; COMMIT`

/** Makes the sending side. */
export function createOutgoing(options: OutgoingOptions): Outgoing {
  const { pooled } = options
  const writer = createMessageWriter()
  const statements = createStatementCache(options.maxPreparedStatements)
  /** Names of statements that are to be closed. */
  const evicted: string[] = []
  let sessionEnvelopePrepared = false
  /** `undefined` while it is being prepared. */
  let checkPrepared: boolean | undefined = false
  const { schemaVersion } = options

  function writeWork(flight: Flight): void {
    const { work, group } = flight
    const ways = work.statements.map((statement) => chooseWay(flight, statement))
    if (group !== undefined) writePrepared(beginName)
    if (work.begin !== undefined) writeControl(work.begin)
    if (work.unlessVersion !== undefined) writeControl(checkChangedSql, versionParams(work.unlessVersion))
    // What others got from sequences stays in the session, where a function of the owner's could ask for it.
    if (work.reset) writeControl('DISCARD SEQUENCES')
    if (work.identity !== undefined) writeEnvelope(flight, work.identity)
    if (work.traceparent !== undefined) writeControl(traceSql, [work.traceparent])
    if (work.limits?.readOnly === true) writeControl(readOnlySql)
    if (work.limits !== undefined && work.limits.names.size > 0) writeControl(namesSql, namesParams(work.limits))
    const { bounds } = work
    // One more than is kept tells that there are more.
    const maxRows = bounds?.stops === true ? bounds.rows + 1 : 0
    for (const [index, statement] of work.statements.entries()) {
      writeStatement(statement, ways[index] ?? unnamed, flight.sinks[index], maxRows)
    }
    if (flight.usedVersion !== undefined) writeCheck(flight.usedVersion)
    if (work.begin !== undefined && !isConditional(work)) writeEnd(work, work.ending !== 'rollback')
    if (group !== undefined) writePrepared(commitName)
  }

  function writeSync(): void {
    writer.sync()
    // Not before the Sync: after an error the server passes over a Close too, and would keep the statement for good.
    for (const name of evicted.splice(0)) writer.closeStatement(name)
  }

  function writeEnvelope(flight: Flight, identity: GatewayIdentity): void {
    // Not for what may leave something behind: where a ticket is not known, the request is sent again.
    flight.ticketed = identity.remembered === true && !flight.work.reset && flight.work.replayed === undefined
    const { form, endable, params } = envelopeOf(identity, flight.ticketed, flight.work.replayed)
    if (pooled) {
      const { statementTimeoutMs, lockTimeoutMs, idleInTransactionTimeoutMs } = options
      const timeouts = [statementTimeoutMs, lockTimeoutMs, idleInTransactionTimeoutMs]
      writer.parse('', form.pooledSql)
      writer.bind('', [...params, ...timeouts.map(String)])
    } else if (endable && !sessionEnvelopePrepared) {
      writer.parse('', form.sql)
      writer.bind('', params, true)
    } else writer.bind(form.name, params, true)
    writer.execute()
  }

  /** Behind a pooler, a transaction that needs cleaning ends in the next one, which the cleaning ends. */
  function writeEnd({ reset }: Work, committed: boolean): void {
    const chain = pooled && reset
    if (chain && committed) writeControl('SET CONSTRAINTS ALL IMMEDIATE')
    writeControl(`${committed ? 'COMMIT' : 'ROLLBACK'}${chain ? ' AND CHAIN' : ''}`)
  }

  function writePrepared(name: string): void {
    writer.bind(name, [])
    writer.execute()
  }

  function writeControl(sql: string, params: readonly string[] = []): void {
    writer.parse('', sql)
    writer.bind('', params)
    writer.execute()
  }

  /** Last in the transaction: it sees what was committed while the statements waited for their locks. */
  function writeCheck(version: string): void {
    if (checkPrepared !== true) writer.parse('', checkVersionSql)
    writer.bind(checkPrepared === true ? checkName : '', versionParams(version))
    writer.execute()
  }

  /** Whether a statement is used again, prepared for others too, or neither. */
  function chooseWay(flight: Flight, { sql, params, prepare }: Statement): Way {
    const typed = params.length > 0
    const version = typed ? schemaVersion.current : undefined
    if (!prepare || !statements.fits(sql) || (typed && version === undefined)) return unnamed
    const key = keyOf(flight.work, sql)
    const known = statements.get(key)
    if (known !== undefined) {
      // A text whose first Parse is still under way is sent unnamed: were that Parse to fail, its name would not exist.
      if (known.description === undefined) return unnamed
      if (known.version === version) {
        flight.reusesPlan = true
        flight.usedVersion = version ?? flight.usedVersion
        return { name: known.name, description: known.description }
      }
      statements.delete(key)
      evicted.push(known.name)
    }
    return { name: addPrepared(flight, key, version).name, description: undefined }
  }

  function writeStatement({ sql, params }: Statement, way: Way, sink: Result | undefined, maxRows: number): void {
    if (way.description === undefined) {
      writer.parse(way.name, sql)
      writer.describeStatement(way.name)
    } else sink?.describe(way.description)
    writer.bind(way.name, params)
    writer.execute(maxRows)
  }

  function addPrepared(flight: Flight, key: string, version: string | undefined): PreparedStatement {
    const { added, evicted: outgoing } = statements.add(key, version)
    evicted.push(...outgoing)
    flight.parsing.push(key)
    return added
  }

  function forget(work: Work): void {
    for (const { sql } of work.statements) {
      const key = keyOf(work, sql)
      const prepared = statements.get(key)
      if (prepared?.description === undefined) continue
      statements.delete(key)
      writer.closeStatement(prepared.name)
    }
  }

  return {
    prepareEnvelope() {
      if (pooled) return false
      writer.parse(beginName, 'BEGIN')
      writer.parse(commitName, 'COMMIT')
      for (const { name, sql } of [wholeEnvelope, ticketEnvelope]) writer.parse(name, sql)
      if (options.onStandby === true) writer.parse(standbyEnvelope.name, standbyEnvelope.sql)
      writer.sync()
      return true
    },
    prepareSessionEnvelope() {
      for (const { name, sql } of [wholeSessionEnvelope, ticketSessionEnvelope]) writer.parse(name, sql)
      writer.sync()
      return (succeeded) => {
        sessionEnvelopePrepared = succeeded
      }
    },
    prepareCheck() {
      if (checkPrepared !== false || pooled || schemaVersion.current === undefined) return undefined
      checkPrepared = undefined
      writer.closeStatement(checkName)
      writer.parse(checkName, checkVersionSql)
      writer.sync()
      return (succeeded) => {
        checkPrepared = succeeded
      }
    },
    work(flights) {
      for (const flight of flights) writeWork(flight)
      writeSync()
    },
    conclude(flight) {
      const { work, sinks, error, decided } = flight
      if (decided || error !== undefined || !isConditional(work)) return false
      flight.decided = true
      flight.error = miscount(
        work,
        sinks.reduce((sum, { rowCount }) => sum + rowCount, 0),
      )
      writeEnd(work, flight.error === undefined)
      writeSync()
      return true
    },
    rollback: () => writer.query(pooled ? pooledCleaningSql : 'ROLLBACK'),
    discardAll() {
      statements.clear()
      sessionEnvelopePrepared = false
      checkPrepared = false
      writer.query('DISCARD ALL')
    },
    onDescribed(flight, description) {
      const { work, parsing } = flight
      const sql = work.statements[flight.step - leadingSteps(flight)]?.sql
      if (sql === undefined || parsing[0] !== keyOf(work, sql)) return
      const prepared = statements.get(parsing.shift() as string)
      if (prepared !== undefined) prepared.description = description
    },
    onEnd(flight) {
      for (const key of flight.parsing) statements.delete(key)
      const { work, usedVersion } = flight
      if (work.unlessVersion !== undefined && !isUnchanged(flight)) schemaVersion.end(work.unlessVersion)
      if (work.identity !== undefined && isForgotten(flight)) work.identity.remembered = false
      if (!isOutdated(flight)) return
      forget(work)
      if (usedVersion !== undefined) schemaVersion.end(usedVersion)
    },
    take: () => writer.take(),
  }
}

/** Whether the transaction is ended only when it is known what its statements have changed. */
function isConditional({ begin, ending, counted }: Work): boolean {
  return begin !== undefined && (typeof ending === 'object' || counted === true)
}

/** What is wrong with how many rows a request has changed. */
function miscount({ ending, limits, counted }: Work, rows: number): FlightError | undefined {
  if (counted === true && limits?.maxRows !== undefined && rows > limits.maxRows) {
    return { kind: 'failure', code: 'rows_exceeded', detail: tooManyRows(limits.maxRows) }
  }
  if (typeof ending !== 'object' || rows === ending.rows) return undefined
  return { kind: 'failure', code: 'change_differs', detail: `It would change ${rows} rows now, and not ${ending.rows}` }
}

function namesParams({ names }: WorkLimits): string[] {
  const pairs = [...names].flatMap(([used, allowed]) => allowed.map((each) => [used, each] as const))
  const toArray = (texts: readonly string[]) => `{${texts.map((text) => `"${text.replace(/["\\]/g, '\\$&')}"`).join()}}`
  return [toArray(pairs.map(([used]) => used)), toArray(pairs.map(([, allowed]) => allowed))]
}

/** How a statement is sent. */
interface Way {
  /** Empty for one that is not kept. */
  readonly name: string
  /** Of a statement that the server has; the others are sent with a Parse. */
  readonly description: Description | undefined
}

const unnamed: Way = { name: '', description: undefined }

/** By role too: what a name stands for, and so the type of a parameter, depends on the schemas that a role may use. */
function keyOf({ identity }: Work, sql: string): string {
  return `${identity?.role ?? ''} ${sql}`
}

/** A cancel request, and the server going away. */
const interrupted = /^57/

/** The SQLSTATE of what went wrong, unless it came from outside. */
export function errorCode({ error, cancelled }: Flight): string | undefined {
  if (error?.kind !== 'postgres' || cancelled || interrupted.test(error.error.code)) return undefined
  return error.error.code
}

/**
 * Whether a prepared statement no longer fits, and nothing was done: a table changed (0A000), the server has lost it
 * (26000), the types of its parameters may be old ones, as the check after it has found.
 */
export function isOutdated(flight: Flight): boolean {
  const code = errorCode(flight)
  const { step, work, reusesPlan, usedVersion } = flight
  if (reusesPlan && (code === '0A000' || code === '26000')) return true
  const isCheck = usedVersion !== undefined && step === leadingSteps(flight) + work.statements.length
  return isCheck && (code !== undefined || isDivisionByZero(flight))
}

/** As a check of ours fails; a cancel request that was under way meanwhile does not. */
function isDivisionByZero({ error }: Flight): boolean {
  return error?.kind === 'postgres' && error.error.code === '22012'
}

/**
 * Whether the database does not remember the identity whose ticket was sent, so that nothing was done: it has expired there,
 * its session was ended, its key removed, the server has crashed, or it is a replica, which has no such table (0A000).
 */
export function isForgotten(flight: Flight): boolean {
  if (!flight.ticketed || flight.error?.kind !== 'postgres') return false
  const { code, schema, constraint } = flight.error.error
  return code === '0A000' || (code === '28000' && schema === 'rowpass' && constraint === 'ticket_unknown')
}

/**
 * Whether a statement failed that may have bound its parameters by old types, before this could be checked: the request is
 * to be sent again unless the version is still the same.
 */
export function isDoubtful(flight: Flight): boolean {
  if (flight.usedVersion === undefined || errorCode(flight) === undefined || isOutdated(flight)) return false
  const at = flight.step - leadingSteps(flight)
  return at >= 0 && at < flight.work.statements.length
}

/** Whether a request was sent again for nothing: the version of the schema is what it was. */
export function isUnchanged(flight: Flight): boolean {
  const { work, step } = flight
  return work.unlessVersion !== undefined && isDivisionByZero(flight) && step === (work.begin === undefined ? 0 : 1)
}
