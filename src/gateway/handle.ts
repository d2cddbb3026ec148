/**
 * One SQL request from its headers and body to its answer: verify, classify, seal, run.
 */
import { Failure } from '../errors.ts'
import type { Emit, SqlAnswered } from '../events.ts'
import { type Flight, type Identity, leadingSteps, type Work } from '../pg/flight.ts'
import type { PostgresError } from '../pg/messages.ts'
import type { Pool, Ticket } from '../pg/pool.ts'
import type { FindType } from '../pg/values.ts'
import type { SealKey } from '../seal/seal.ts'
import type { Allowed, Refused, Verdict } from '../sql/classify.ts'
import { parseBearer } from '../verify/bearer.ts'
import type { Verifier } from '../verify/verifier.ts'
import { createCallers } from './caller.ts'
import type { GatewayConfig } from './config.ts'
import { failureResponse, internalResponse, passwordErrorResponse, tokenErrorResponse } from './contract/refuse.ts'
import {
  type BatchOptions,
  type ConnectionString,
  createConnectionStringReader,
  parseBatchOptions,
  type SqlBody,
  toBegin,
} from './contract/request.ts'
import { batchResponse, type SqlResponse, singleResponse } from './contract/respond.ts'
import { createHoldings, type Holding } from './holdings.ts'
import type { SqlRequest } from './http/receive.ts'
import type { Logins } from './password/login.ts'
import { createPasswordRunner } from './password/runner.ts'
import type { Heavy } from './threads/heavy.ts'
import { createUnderWay } from './under-way.ts'

/** What handling a request needs. */
export interface HandlerParts {
  readonly config: GatewayConfig
  /** The key that seals now; it may be replaced while the gateway runs. */
  readonly sealKey: () => SealKey
  readonly verifier: Verifier
  readonly pool: Pool
  readonly heavy: Pick<Heavy, 'judge' | 'parseBody' | 'toJson'>
  readonly findType: FindType
  readonly logins: Logins
  readonly emit: Emit
}

/** Answers a request; never rejects. */
export type SqlHandler = (request: SqlRequest) => Promise<SqlResponse>

/** What is known of a request by the time it ends. */
type Audit = { -readonly [Name in keyof SqlAnswered]: SqlAnswered[Name] }

/** Makes the handler. */
export function createSqlHandler(parts: HandlerParts): SqlHandler {
  const { config, verifier } = parts
  const readConnectionString = createConnectionStringReader()
  const toCaller = createCallers(parts.sealKey)
  const passwords = createPasswordRunner(config, parts.logins)
  const maxOwnerBytes = config.maxHeldBytes / 2
  const holdings = createHoldings({ maxBytes: config.maxHeldBytes, maxOwnerBytes })
  /** What an owner must have left before a statement is run whose answer may be large. */
  const answerRoomBytes = Math.min(config.maxResponseBytes, maxOwnerBytes / 4)
  const underWay = createUnderWay(config.identityLimit)

  return async (request) => {
    const startedAt = performance.now()
    const audit = newAudit(request)
    let answer: SqlResponse
    try {
      const batch = parseBatchOptions(request.headers)
      const login = readConnectionString(request.headers['neon-connection-string'])
      const byPassword = parts.logins.on && request.headers.authorization === undefined
      answer = await (byPassword ? withPassword : withToken)(request, login, batch, audit)
    } catch (error) {
      answer = refuse(error, audit)
    }
    audit.durationMs = performance.now() - startedAt
    parts.emit(audit)
    return answer
  }

  async function withToken(
    request: SqlRequest,
    login: ConnectionString,
    batch: BatchOptions,
    audit: Audit,
  ): Promise<SqlResponse> {
    const verified = verifier.verify(parseBearer(request.headers.authorization))
    const caller = toCaller(verified instanceof Promise ? await verified : verified)
    Object.assign(audit, caller.audit)
    const holding = countIn(caller.owner, request)
    if (!config.databases.has(login.database)) throw new Failure('database_unknown')
    const body = await parts.heavy.parseBody(await request.body(holding.add), request.headers, caller.owner)
    const verdicts = await judge(body.queries, caller.owner, audit)
    const allowed = verdicts.filter((verdict) => verdict.kind !== 'refused')
    const refused = verdicts.find((verdict) => verdict.kind === 'refused')
    if (refused?.kind === 'refused') return refuseStatement(refused, audit)
    const untraced = toTokenWork(allowed, caller.identity, body, batch, config.preparedStatements === 0)
    const work = audit.traceparent === undefined ? untraced : { ...untraced, traceparent: audit.traceparent }
    const flight = await run(parts.pool, work, caller.owner, request)
    if (flight.stuckIn !== undefined) reportStuck(flight.stuckIn, audit)
    const writing = () => allowed[flight.step - leadingSteps(flight)]?.writing
    return held(
      holding,
      await respond(flight, caller.owner, body.kind, batch, audit, (error) => tokenErrorResponse(error, writing())),
    )
  }

  function reportStuck(backendPid: number, { requestId, iss, sub, tenantId }: Audit): void {
    parts.emit({
      type: 'statement_stuck',
      requestId,
      iss,
      sub,
      backendPid,
      ...(tenantId === undefined ? {} : { tenantId }),
    })
  }

  /** Its body and its answer take memory until the client has read the last of it, so it counts until then. */
  function countIn(owner: string, request: SqlRequest): Holding {
    const withinLimit = underWay.arrive(owner)
    request.onClose(() => underWay.leave(owner))
    if (!withinLimit) throw new Failure('overloaded', { detail: 'This identity has too many requests under way' })
    return hold(owner, request)
  }

  function hold(owner: string, request: SqlRequest): Holding {
    const holding = holdings.open(owner, request.drop)
    request.onClose(holding.close)
    if (!holding.hasRoomFor(answerRoomBytes)) throw new Failure('overloaded', { detail: unreadAnswers })
    return holding
  }

  async function judge(queries: SqlBody['queries'], owner: string, audit: Audit): Promise<Verdict[]> {
    const verdicts: Verdict[] = []
    const fingerprints: string[] = []
    audit.fingerprints = fingerprints
    for (const { sql } of queries) {
      const judged = parts.heavy.judge(sql, owner)
      const verdict = judged instanceof Promise ? await judged : judged
      verdicts.push(verdict)
      if (verdict.kind !== 'refused') fingerprints.push(verdict.fingerprint)
    }
    return verdicts
  }

  async function withPassword(
    request: SqlRequest,
    login: ConnectionString,
    batch: BatchOptions,
    audit: Audit,
  ): Promise<SqlResponse> {
    // The driver sends no header for an authToken that is undefined or empty, nor Drizzle for a batch.
    if (login.password === '') {
      const detail = 'missing authentication credentials: required bearer token, or password in the connection string'
      throw new Failure('token_missing', { detail })
    }
    audit.auth = 'password'
    audit.role = login.user
    if (!config.databases.has(login.database)) throw new Failure('database_unknown')
    let kind: SqlBody['kind'] = 'single'
    const owner = JSON.stringify(['password', login.user])
    let holding: Holding | undefined
    const flight = await passwords.run(login, { address: request.address(), onAbort: request.onAbort }, async () => {
      holding = hold(owner, request)
      const body = await parts.heavy.parseBody(await request.body(holding.add), request.headers, owner)
      kind = body.kind
      return toPasswordWork(body, batch)
    })
    return held(holding, await respond(flight, owner, kind, batch, audit, passwordErrorResponse))
  }

  async function respond(
    flight: Flight,
    owner: string,
    kind: SqlBody['kind'],
    batch: BatchOptions,
    audit: Audit,
    toErrorResponse: (error: PostgresError) => SqlResponse,
  ): Promise<SqlResponse> {
    if (flight.error?.kind === 'failure') {
      const { code, detail, cause } = flight.error
      throw new Failure(code, { cause, ...(detail === undefined ? {} : { detail }) })
    }
    if (flight.error !== undefined) {
      const { error } = flight.error
      throwOurFault(flight, error)
      audit.outcome = 'postgres'
      audit.sqlstate = error.code
      return toErrorResponse(error)
    }
    for (const { rowCount } of flight.sinks) audit.rows += rowCount
    const results: Buffer[] = []
    for (const sink of flight.sinks) {
      if (!('fields' in sink)) results.push(sink.finish())
      else
        results.push(
          await sink.finish(sink.fields.map(({ dataTypeID }) => parts.heavy.toJson(dataTypeID, parts.findType, owner))),
        )
    }
    const [first] = results
    return kind === 'single' && first !== undefined ? singleResponse(first) : batchResponse(results, batch)
  }
}

/** An answer that there is no room for is not given, although its statement was run. */
function held(holding: Holding | undefined, answer: SqlResponse): SqlResponse {
  if (holding?.add(answer.body.length) === false) throw new Failure('answer_dropped')
  return answer
}

const unreadAnswers = 'This identity has too many bytes of answers that it has not read'

/** An error that is not one of the caller's SQL: nobody but us is to hear what the server said. */
function throwOurFault(flight: Flight, { code, message, schema, constraint }: PostgresError): void {
  const cause = new Error(message)
  if (code === '28000' && schema === 'rowpass' && constraint === 'session_revoked') {
    throw new Failure('session_revoked', { cause })
  }
  if (flight.step < leadingSteps(flight)) throw new Error('the session could not be prepared', { cause })
}

/** W3C Trace Context §3.2; anything else that a client sends there stays out of the log. */
const traceContext = /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/

function newAudit({ id, headers: { traceparent } }: SqlRequest): Audit {
  const audit: Audit = {
    type: 'sql_answered',
    requestId: id,
    auth: 'none',
    fingerprints: [],
    rows: 0,
    durationMs: 0,
    outcome: 'ok',
  }
  if (traceparent !== undefined && traceContext.test(traceparent)) audit.traceparent = traceparent
  return audit
}

function refuse(error: unknown, audit: Audit): SqlResponse {
  audit.cause = error
  if (!(error instanceof Failure)) {
    audit.outcome = 'internal'
    return internalResponse()
  }
  audit.outcome = error.code
  audit.sqlstate = error.spec.sqlstate
  return failureResponse(error)
}

/** Refuses a statement; where PostgreSQL would not run it either, in PostgreSQL's words. */
function refuseStatement({ what, instead, error }: Refused, audit: Audit): SqlResponse {
  if (error === undefined) {
    throw new Failure('statement_refused', {
      detail: `${what} is not allowed with a token.${instead === undefined ? '' : ` ${instead}`}`,
    })
  }
  audit.outcome = 'postgres'
  audit.sqlstate = error.sqlstate
  const position = error.position === undefined ? {} : { position: String(error.position) }
  return tokenErrorResponse({ message: error.message, code: error.sqlstate, severity: 'ERROR', ...position })
}

function toPasswordWork(body: SqlBody, batch: BatchOptions): Work {
  return {
    identity: undefined,
    statements: body.queries.map((query) => ({ ...query, prepare: false })),
    begin: body.kind === 'batch' ? toBegin(batch) : undefined,
    exclusive: true,
    reset: false,
  }
}

function toTokenWork(
  verdicts: readonly Allowed[],
  identity: Identity,
  body: SqlBody,
  batch: BatchOptions,
  pooled: boolean,
): Work {
  const reset = verdicts.some(({ kind }) => kind === 'reset')
  const begin = body.kind === 'batch' ? toBegin(batch) : pooled && reset ? 'START TRANSACTION' : undefined
  // Types of parameters are checked by what the transaction sees last: not where it sees one moment, or may change its mind.
  const checked = !reset && (batch.isolationLevel ?? 'ReadCommitted') === 'ReadCommitted'
  // Not `...query`: a spread into a literal with more members takes V8's slow way.
  const statements = body.queries.map(({ sql, params, shape }, index) => {
    const verdict = verdicts[index]
    const prepare = verdict?.kind === 'fast' && (checked || params.length === 0)
    return { sql: verdict?.sql ?? sql, params, shape, prepare }
  })
  const readOnly = verdicts.every((verdict) => verdict.readOnly)
  return { identity, statements, begin, exclusive: reset || begin !== undefined, reset, readOnly }
}

function run(pool: Pool, work: Work, owner: string, request: SqlRequest): Promise<Flight> {
  return new Promise((resolve) => {
    const ticket: Ticket = pool.run(work, owner, resolve)
    request.onAbort(ticket.abort)
  })
}
