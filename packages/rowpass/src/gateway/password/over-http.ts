/**
 * SQL over HTTP for a database user with a password: PostgreSQL checks the password, any statement is allowed.
 */
import { Failure } from '../../errors.ts'
import type { Flight } from '../../postgres/flight.ts'
import type { FindType } from '../../postgres/values.ts'
import type { Answered } from '../audit.ts'
import type { GatewayConfig } from '../config.ts'
import { passwordErrorResponse, refuse } from '../contract/refuse.ts'
import type { Head, SqlBody } from '../contract/request.ts'
import { respond } from '../contract/respond.ts'
import type { SqlRequest } from '../http/receive.ts'
import type { Heavy } from '../threads/heavy.ts'
import { type Hold, held, holdAnswer, type UnderWay } from '../under-way.ts'
import { toPasswordWork } from '../work.ts'
import type { PasswordLogins } from './login.ts'
import { createPasswordRunner } from './runner.ts'

/** What handling needs. */
export interface PasswordHandlerParts {
  readonly config: GatewayConfig
  readonly heavy: Pick<Heavy, 'parseBody'>
  readonly findType: FindType
  readonly logins: PasswordLogins
  readonly underWay: UnderWay
}

/**
 * Makes the handler.
 *
 * It throws Failure `token_missing` where there is no password either: nobody is known of such a request.
 */
export function createPasswordHandler(
  parts: PasswordHandlerParts,
): (request: SqlRequest, head: Head) => Promise<Answered> {
  const { config, heavy, findType, underWay } = parts
  const runner = createPasswordRunner(config, parts.logins)

  return async (request, { login, batch }) => {
    // The driver sends no header for an authToken that is undefined or empty, nor Drizzle for a batch.
    if (login.password === '') {
      const detail = 'missing authentication credentials: required bearer token, or password in the connection string'
      throw new Failure('token_missing', { detail })
    }
    const who = { auth: 'password', role: login.user } as const
    const owner = JSON.stringify(['password', login.user])
    let flight: Flight | undefined
    try {
      if (!config.databases.has(login.database)) throw new Failure('database_unknown')
      let kind: SqlBody['kind'] = 'single'
      let holding: Hold = () => true
      flight = await runner.run(login, request, async () => {
        const hold = underWay.enter(owner, request)
        const body = await heavy.parseBody(await request.body(hold), request.headers, owner)
        kind = body.kind
        holding = holdAnswer(hold)
        return toPasswordWork(body, batch, { findType, hold: holding })
      })
      const ending = await respond(flight, {
        kind,
        batch,
        toErrorResponse: passwordErrorResponse,
      })
      return { who, flight, ending: held(ending, holding) }
    } catch (error) {
      return { who, flight, ending: refuse(error) }
    }
  }
}
