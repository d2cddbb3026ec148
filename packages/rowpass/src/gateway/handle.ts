/**
 * One SQL request on its path: received, verified, judged, run, answered.
 */

import { Failure } from '../errors.ts'
import type { Emit } from '../events.ts'
import type { FindType } from '../postgres/values.ts'
import { type Answered, nobody, toAuditLine } from './audit.ts'
import type { GatewayConfig } from './config.ts'
import { refuse } from './contract/refuse.ts'
import { createHeadReader, type Head } from './contract/request.ts'
import type { SqlResponse } from './contract/respond.ts'
import type { SqlRequest } from './http/receive.ts'
import type { PasswordLogins } from './password/login.ts'
import { createPasswordHandler } from './password/over-http.ts'
import type { Heavy } from './threads/heavy.ts'
import { createTiming, type Timing } from './timing.ts'
import type { TokenPath } from './token-path.ts'
import type { UnderWay } from './under-way.ts'

/** What handling a request needs. */
export interface HandlerParts {
  readonly config: GatewayConfig
  readonly tokenPath: TokenPath
  readonly heavy: Pick<Heavy, 'parseBody'>
  readonly underWay: UnderWay
  readonly findType: FindType
  readonly logins: PasswordLogins
  readonly emit: Emit
}

/** Answers a request; never rejects. */
export type SqlHandler = (request: SqlRequest) => Promise<SqlResponse>

/** Makes the handler. */
export function createSqlHandler(parts: HandlerParts): SqlHandler {
  const { config, tokenPath, heavy, logins, emit } = parts
  const readHead = createHeadReader()
  const withPassword = createPasswordHandler(parts)

  return async (request) => {
    const startedAt = performance.now()
    const timing = config.serverTiming ? createTiming(startedAt) : undefined
    let answered: Answered
    try {
      const head = readHead(request.headers)
      const byPassword = logins.on && request.headers.authorization === undefined
      answered = await (byPassword ? withPassword(request, head) : withToken(request, head, timing))
    } catch (error) {
      answered = { who: nobody, ending: refuse(error) }
    }
    emit(toAuditLine(request, answered, startedAt))
    const { response } = answered.ending
    if (timing === undefined) return response
    return { ...response, headers: { ...response.headers, 'server-timing': timing.toHeader() } }
  }

  async function withToken(request: SqlRequest, { login, batch }: Head, timing: Timing | undefined): Promise<Answered> {
    const identified = tokenPath.identify(request, timing)
    const { caller } = identified instanceof Promise ? await identified : identified
    try {
      const turn = tokenPath.enter(caller, request, timing)
      if (!config.databases.has(login.database)) throw new Failure('database_unknown')
      const bytes = await tokenPath.receive(turn)
      const body = await heavy.parseBody(bytes, request.headers, caller.owner)
      return await tokenPath.run(turn, body, batch)
    } catch (error) {
      return { who: caller.who, ending: refuse(error) }
    }
  }
}
