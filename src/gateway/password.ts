/**
 * SQL over HTTP for a database user with a password: PostgreSQL checks the password, any statement is allowed.
 *
 * Each request has a connection of its own, closed afterwards: the password is checked every time and nothing can be
 * left behind for another user.
 */
import { Failure } from '../errors.ts'
import { type Connection, openConnection } from '../pg/connection.ts'
import { createFlight, type Flight, type Work } from '../pg/flight.ts'
import type { GatewayConfig } from './config.ts'
import type { ConnectionString } from './request.ts'

/** Runs the work of password users. */
export interface PasswordRunner {
  /**
   * @param onAbort is given what to do when the client goes away
   * @throws Failure `overloaded`, `password_refused`, `database_unavailable`, or the server's own refusal as `password_refused`
   */
  run(login: ConnectionString, work: Work, onAbort: (abort: () => void) => void): Promise<Flight>
}

/** Makes the runner; at most `passwordSessions` run at once. */
export function createPasswordRunner(config: GatewayConfig): PasswordRunner {
  let running = 0

  async function run(login: ConnectionString, work: Work, onAbort: (abort: () => void) => void): Promise<Flight> {
    if (running >= config.passwordSessions) throw new Failure('overloaded')
    running++
    let connection: Connection | undefined
    let aborted = false
    onAbort(() => {
      aborted = true
      connection?.cancel()
    })
    try {
      connection = await open(login)
      if (aborted) throw new Failure('timeout')
      return await submit(connection, work)
    } finally {
      running--
      connection?.end()
    }
  }

  async function open(login: ConnectionString): Promise<Connection> {
    try {
      return await openConnection(
        {
          server: config.databaseUrl,
          user: login.user,
          password: login.password,
          database: decodeURIComponent(config.databaseUrl.pathname.slice(1)),
          applicationName: login.applicationName,
          connectTimeoutMs: config.connectTimeoutMs,
          statementTimeoutMs: 0,
          lockTimeoutMs: 0,
          maxResponseBytes: config.maxResponseBytes,
          maxPreparedStatements: 0,
        },
        { onProgress() {}, onClose() {} },
      )
    } catch (error) {
      throw toFailure(error, login.user)
    }
  }

  return { run }
}

function submit(connection: Connection, work: Work): Promise<Flight> {
  return new Promise((resolve) => {
    connection.submit(createFlight(work, resolve))
  })
}

/** Wrong user and wrong password read alike, as Neon and PostgreSQL have it. */
function toFailure(error: unknown, user: string): Failure {
  const code = (error as { code?: unknown }).code
  if (code === '28P01' || code === '28000') {
    return new Failure('password_refused', {
      detail: `password authentication failed for user '${user}'`,
      cause: error,
    })
  }
  return new Failure('database_unavailable', { cause: error })
}
