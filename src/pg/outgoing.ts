/**
 * What a connection sends: the envelope of an identity, the statements, and the housekeeping between requests.
 * Keeps account of the statements that the server has prepared.
 */

import { namesSession } from '../seal/seal.ts'
import { type Flight, type Identity, leadingSteps, type Statement } from './flight.ts'
import type { Description, ResultSink } from './result.ts'
import { createStatementCache } from './statements.ts'
import { createMessageWriter } from './writer.ts'

/** What the sending side needs to know of its connection. */
export interface OutgoingOptions {
  /** Behind a pooler in transaction mode: no statement is named, timeouts and cleaning belong to the transaction. */
  readonly pooled: boolean
  readonly maxPreparedStatements: number
  readonly statementTimeoutMs: number
  readonly lockTimeoutMs: number
  readonly idleInTransactionTimeoutMs: number
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
  /** Everything that one request sends, to its Sync. */
  work(flight: Flight): void
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

/**
 * Runs before each request's statements. No call can be left out, as none of these values is ever null, and no claim is
 * echoed. A chain of `or` and not a sum: PostgreSQL checks the right to each operator in each transaction, and `or` is none.
 */
export const envelopeSql = `select set_config('role', $1, true) is null
  or set_config('rowpass.claims', $2, true) is null
  or set_config('rowpass.seal', $3, true) is null`
const envelopeName = 'envelope'
const refuseEnded = ' or rowpass.refuse_ended_session()'
/**
 * The same for an identity that names a session: one that was ended gets no answer, even to a statement that asks nothing
 * about its caller.
 */
export const sessionEnvelopeSql = envelopeSql + refuseEnded
const sessionEnvelopeName = 'envelope_of_session'
/** The same behind a pooler, with the timeouts: the next message after it starts the clock anew. */
const pooledEnvelopeSql = `${envelopeSql}
  or set_config('statement_timeout', $4, true) is null
  or set_config('lock_timeout', $5, true) is null
  or set_config('idle_in_transaction_session_timeout', $6, true) is null`

const traceSql = "select set_config('rowpass.traceparent', $1, true) is null"

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

  function writeWork(flight: Flight): void {
    const { work } = flight
    if (work.begin !== undefined) writeControl(work.begin)
    // What others got from sequences stays in the session, where a function of the owner's could ask for it.
    if (work.reset) writeControl('DISCARD SEQUENCES')
    if (work.identity !== undefined) writeEnvelope(work.identity)
    if (work.traceparent !== undefined) writeControl(traceSql, [work.traceparent])
    for (const [index, statement] of work.statements.entries()) writeStatement(flight, statement, flight.sinks[index])
    if (work.begin !== undefined) writeCommit(work.reset)
    writer.sync()
    // Not before the Sync: after an error the server passes over a Close too, and would keep the statement for good.
    for (const name of evicted.splice(0)) writer.closeStatement(name)
  }

  function writeEnvelope({ role, session }: Identity): void {
    const { claims, seal } = session
    const endable = namesSession(session)
    if (pooled) {
      const { statementTimeoutMs, lockTimeoutMs, idleInTransactionTimeoutMs } = options
      const timeouts = [statementTimeoutMs, lockTimeoutMs, idleInTransactionTimeoutMs]
      writer.parse('', endable ? pooledEnvelopeSql + refuseEnded : pooledEnvelopeSql)
      writer.bind('', [role, claims, seal, ...timeouts.map(String)])
    } else if (endable && !sessionEnvelopePrepared) {
      writer.parse('', sessionEnvelopeSql)
      writer.bind('', [role, claims, seal])
    } else writer.bind(endable ? sessionEnvelopeName : envelopeName, [role, claims, seal])
    writer.execute()
  }

  /** Behind a pooler, a transaction that needs cleaning commits into the next one, which the cleaning ends. */
  function writeCommit(reset: boolean): void {
    if (pooled && reset) {
      writeControl('SET CONSTRAINTS ALL IMMEDIATE')
      writeControl('COMMIT AND CHAIN')
    } else writeControl('COMMIT')
  }

  function writeControl(sql: string, params: readonly string[] = []): void {
    writer.parse('', sql)
    writer.bind('', params)
    writer.execute()
  }

  function writeStatement(flight: Flight, { sql, params, prepare }: Statement, sink: ResultSink | undefined): void {
    const named = prepare && statements.fits(sql)
    const known = named ? statements.get(sql) : undefined
    if (known?.description !== undefined) {
      flight.reusesPlan = true
      sink?.describe(known.description)
      writer.bind(known.name, params)
    } else {
      // A text whose first Parse is still under way is sent unnamed: were that Parse to fail, its name would not exist.
      const name = named && known === undefined ? addPrepared(flight, sql) : ''
      writer.parse(name, sql)
      writer.describeStatement(name)
      writer.bind(name, params)
    }
    writer.execute()
  }

  function addPrepared(flight: Flight, sql: string): string {
    const { added, evicted: outgoing } = statements.add(sql)
    evicted.push(...outgoing)
    flight.parsing.push(sql)
    return added.name
  }

  function forget(outdated: readonly Statement[]): void {
    for (const { sql } of outdated) {
      const prepared = statements.get(sql)
      if (prepared?.description === undefined) continue
      statements.delete(sql)
      writer.closeStatement(prepared.name)
    }
  }

  return {
    prepareEnvelope() {
      if (pooled) return false
      writer.parse(envelopeName, envelopeSql)
      writer.sync()
      return true
    },
    prepareSessionEnvelope() {
      writer.parse(sessionEnvelopeName, sessionEnvelopeSql)
      writer.sync()
      return (succeeded) => {
        sessionEnvelopePrepared = succeeded
      }
    },
    work: writeWork,
    rollback: () => writer.query(pooled ? pooledCleaningSql : 'ROLLBACK'),
    discardAll() {
      statements.clear()
      sessionEnvelopePrepared = false
      writer.query('DISCARD ALL')
    },
    onDescribed(flight, description) {
      const sql = flight.work.statements[flight.step - leadingSteps(flight.work)]?.sql
      if (sql === undefined || flight.parsing[0] !== sql) return
      flight.parsing.shift()
      const prepared = statements.get(sql)
      if (prepared !== undefined) prepared.description = description
    },
    onEnd(flight) {
      for (const sql of flight.parsing) statements.delete(sql)
      if (isOutdated(flight)) forget(flight.work.statements)
    },
    take: () => writer.take(),
  }
}

/**
 * Whether a prepared statement no longer fits: a table changed (0A000), or the server has lost it (26000).
 * Both are raised before the statement does anything.
 */
export function isOutdated(flight: Flight): boolean {
  if (!flight.reusesPlan || flight.error?.kind !== 'postgres') return false
  const { code } = flight.error.error
  return code === '0A000' || code === '26000'
}
