/**
 * SQL over HTTP for a database user with a password: PostgreSQL checks the password, any statement is allowed.
 *
 * Each request has a connection of its own, closed afterwards: the password is checked every time and nothing can be
 * left behind for another user.
 */
import { Failure } from '../errors.ts'
import { type Connection, openConnection } from '../pg/connection.ts'
import { createFlight, type Flight, type Work } from '../pg/flight.ts'
import type { PostgresError } from '../pg/messages.ts'
import { serverRefusal } from '../pg/session.ts'
import type { GatewayConfig } from './config.ts'
import type { ConnectionString } from './request.ts'

/** Counts the sessions of password users, those over HTTP and those over WebSocket together. */
export interface SessionLimit {
  /**
   * Takes one place.
   * @returns gives it back; a second call has no effect
   * @throws Failure `overloaded`
   */
  take(): () => void
}

/** @param maxSessions how many may be open at once */
export function createSessionLimit(maxSessions: number): SessionLimit {
  let taken = 0
  return {
    take() {
      if (taken >= maxSessions) throw new Failure('overloaded', { detail: 'too many sessions with a password' })
      taken++
      let given = true
      return () => {
        if (given) taken--
        given = false
      }
    },
  }
}

/** Runs the work of password users. */
export interface PasswordRunner {
  /**
   * Logs in, and only then asks for the work: a body is not read for somebody unknown. What the server says against the
   * login, but for a wrong password, is the flight's error.
   *
   * @param onAbort is given what to do when the client goes away
   * @throws Failure `overloaded`, `password_refused`, `database_unavailable`, and what `work` throws
   */
  run(login: ConnectionString, onAbort: (abort: () => void) => void, work: () => Promise<Work>): Promise<Flight>
}

/** A cancel request that arrives before the query does strikes nothing, so it is sent again. */
const cancelAgainMs = 250
const maxCancels = 20

/** Makes the runner. */
export function createPasswordRunner(config: GatewayConfig, limit: SessionLimit): PasswordRunner {
  async function run(
    login: ConnectionString,
    onAbort: (abort: () => void) => void,
    work: () => Promise<Work>,
  ): Promise<Flight> {
    refuseOthers(config.passwordUsers, login.user)
    const release = limit.take()
    let connection: Connection | undefined
    let aborted = false
    let timer: NodeJS.Timeout | undefined
    onAbort(() => {
      aborted = true
      if (connection !== undefined) timer = cancelUntilDone(connection)
    })
    try {
      connection = await open(login)
      const asked = await work()
      if (aborted) throw new Failure('timeout', { detail: 'The client has gone' })
      return await submit(connection, asked)
    } catch (error) {
      if (connection !== undefined) throw error
      return refusedLogin(error, login.user)
    } finally {
      clearInterval(timer)
      connection?.end()
      release()
    }
  }

  function open(login: ConnectionString): Promise<Connection> {
    return openConnection(
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
  }

  return { run }
}

function submit(connection: Connection, work: Work): Promise<Flight> {
  return new Promise((resolve) => {
    connection.submit(createFlight(work, resolve))
  })
}

function cancelUntilDone(connection: Connection): NodeJS.Timeout {
  let sent = 0
  const cancel = (): void => {
    sent++
    if (sent > maxCancels) connection.destroy(new Error('a cancelled request did not end'))
    else connection.cancel()
  }
  cancel()
  return setInterval(cancel, cancelAgainMs)
}

function refusedLogin(error: unknown, user: string): Flight {
  const refusal = explainLogin(error, user)
  if (refusal instanceof Failure) throw refusal
  const flight = createFlight(
    { identity: undefined, statements: [], begin: undefined, exclusive: true, reset: false },
    () => {},
  )
  flight.error = { kind: 'postgres', error: refusal }
  return flight
}

/**
 * Holds the list of users who may log in with a password. Who is not on it is answered as for a wrong password.
 *
 * @param allowed empty when everybody may
 * @throws Failure `password_refused`
 */
export function refuseOthers(allowed: ReadonlySet<string>, user: string): void {
  if (allowed.size > 0 && !allowed.has(user)) throw wrongPassword(user)
}

/**
 * What the client may be told of a login that failed.
 *
 * Wrong user, wrong password and a refusal by the server's address rules read alike. Other refusals of the server are
 * about the user's own session: too many of them, no right to connect, a setting that does not exist.
 */
export function explainLogin(error: unknown, user: string): Failure | PostgresError {
  if (error instanceof Failure) return error
  const refusal = serverRefusal(error)
  if (refusal === undefined) return new Failure('database_unavailable', { cause: error })
  if (refusal.code !== '28P01' && refusal.code !== '28000') return refusal
  return wrongPassword(user, error)
}

function wrongPassword(user: string, cause?: unknown): Failure {
  return new Failure('password_refused', { detail: `password authentication failed for user '${user}'`, cause })
}
