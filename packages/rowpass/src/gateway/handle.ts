/**
 * One SQL request on its path: received, verified, judged, run, answered.
 */

import { Failure } from '../errors.ts'
import type { Emit } from '../events.ts'
import { type Flight, leadingSteps } from '../postgres/flight.ts'
import type { Pool } from '../postgres/pool.ts'
import type { FindType } from '../postgres/values.ts'
import type { SealKey } from '../seal/seal.ts'
import type { Verdict } from '../statement/classify.ts'
import { parseBearer } from '../token/bearer.ts'
import type { Verifier } from '../token/verifier.ts'
import { createAdmissions } from './admission.ts'
import { type Answered, nobody, toAuditLine, traceparentOf, type Who } from './audit.ts'
import { createCallers } from './caller.ts'
import type { GatewayConfig } from './config.ts'
import { refuse, refuseStatement, tokenErrorResponse } from './contract/refuse.ts'
import { createHeadReader, type Head } from './contract/request.ts'
import { respond, type SqlResponse } from './contract/respond.ts'
import type { SqlRequest } from './http/receive.ts'
import type { PasswordLogins } from './password/login.ts'
import { createPasswordHandler } from './password/over-http.ts'
import type { Heavy } from './threads/heavy.ts'
import { held, UnderWay } from './under-way.ts'
import { toTokenWork } from './work.ts'

/** What handling a request needs. */
export interface HandlerParts {
  readonly config: GatewayConfig
  /** The key that seals now; it may be replaced while the gateway runs. */
  readonly sealKey: () => SealKey
  readonly verifier: Verifier
  readonly pool: Pick<Pool, 'run'>
  readonly heavy: Pick<Heavy, 'judge' | 'parseBody'>
  readonly findType: FindType
  readonly logins: PasswordLogins
  readonly emit: Emit
}

/** Answers a request; never rejects. */
export type SqlHandler = (request: SqlRequest) => Promise<SqlResponse>

/** Makes the handler. */
export function createSqlHandler(parts: HandlerParts): SqlHandler {
  const { config, verifier, pool, heavy, findType, logins, emit } = parts
  const readHead = createHeadReader()
  const toCaller = createCallers(parts.sealKey)
  const admit = createAdmissions(pool)
  const maxOwnerBytes = config.maxHeldBytes / 2
  const answerRoomBytes = Math.min(config.maxResponseBytes, maxOwnerBytes / 4)
  const underWay = new UnderWay({ maxBytes: config.maxHeldBytes, maxOwnerBytes, answerRoomBytes })
  const withPassword = createPasswordHandler({ config, heavy, findType, logins, underWay })
  const pooled = config.preparedStatements === 0

  return async (request) => {
    const startedAt = performance.now()
    let answered: Answered
    try {
      const head = readHead(request.headers)
      const byPassword = logins.on && request.headers.authorization === undefined
      answered = await (byPassword ? withPassword : withToken)(request, head)
    } catch (error) {
      answered = { who: nobody, ending: refuse(error) }
    }
    emit(toAuditLine(request, answered, startedAt))
    return answered.ending.response
  }

  async function withToken(request: SqlRequest, { login, batch }: Head): Promise<Answered> {
    const verified = verifier.verify(parseBearer(request.headers.authorization))
    const { identity, owner, who } = toCaller(verified instanceof Promise ? await verified : verified)
    const verdicts: Verdict[] = []
    let flight: Flight | undefined
    try {
      const hold = underWay.enter(owner, request, config.identityLimit)
      if (!config.databases.has(login.database)) throw new Failure('database_unknown')
      const body = await heavy.parseBody(await request.body(hold), request.headers, owner)
      for (const { sql } of body.queries) {
        const verdict = heavy.judge(sql, owner)
        verdicts.push(verdict instanceof Promise ? await verdict : verdict)
      }
      const refused = verdicts.find((verdict) => verdict.kind === 'refused')
      if (refused !== undefined) return { who, verdicts, ending: refuseStatement(refused) }
      const allowed = verdicts.filter((verdict) => verdict.kind !== 'refused')
      const traceparent = traceparentOf(request)
      const work = toTokenWork(allowed, { identity, traceparent, body, batch, pooled, findType })
      flight = await pool.run(work, { owner, signal: request.signal })
      admit(identity, owner, flight)
      if (flight.stuckIn !== undefined) reportStuck(flight.stuckIn, request.id, who)
      const writing = allowed[flight.step - leadingSteps(flight)]?.writing
      const ending = await respond(flight, {
        kind: body.kind,
        batch,
        toErrorResponse: (error) => tokenErrorResponse(error, writing),
      })
      return { who, verdicts, flight, ending: held(ending, hold) }
    } catch (error) {
      return { who, verdicts, flight, ending: refuse(error) }
    }
  }

  function reportStuck(backendPid: number, requestId: string, { iss, sub, tenantId }: Who): void {
    const tenant = tenantId === undefined ? {} : { tenantId }
    emit({ type: 'statement_stuck', requestId, ...(iss === undefined ? {} : { iss }), sub, backendPid, ...tenant })
  }
}
