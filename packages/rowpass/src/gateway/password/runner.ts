/**
 * Runs the work of a database user with a password, for SQL over HTTP.
 *
 * Each request has a connection of its own, closed afterwards: the password is checked every time and nothing can be
 * left behind for another user.
 */
import { Failure } from '../../errors.ts'
import { type Connection, openConnection } from '../../postgres/connection.ts'
import { createFlight, type Flight, type Work } from '../../postgres/flight.ts'
import type { SessionLogin } from '../../postgres/session.ts'
import type { GatewayConfig } from '../config.ts'
import type { ConnectionString } from '../contract/request.ts'
import type { SqlRequest } from '../http/receive.ts'
import { explainLogin, type LoggedIn, type PasswordLogins } from './login.ts'

/** The client of a request. */
export type PasswordClient = Pick<SqlRequest, 'address' | 'signal'>

/** Runs the work of password users. */
export interface PasswordRunner {
  /**
   * Logs in, and only then asks for the work: a body is not read for somebody unknown. What the server says against the
   * login, but for a wrong password, is the flight's error.
   *
   * @param client its address, and the signal that is aborted when it goes away
   * @throws Failure `attempts_exceeded`, `overloaded`, `password_refused`, `database_unavailable`, and what `work` throws
   */
  run(login: ConnectionString, client: PasswordClient, work: () => Promise<Work>): Promise<Flight>
}

/** A cancel request that arrives before the query does strikes nothing, so it is sent again. */
const cancelAgainMs = 250
const maxCancels = 20

/** Makes the runner. */
export function createPasswordRunner(config: GatewayConfig, logins: PasswordLogins): PasswordRunner {
  async function run(login: ConnectionString, client: PasswordClient, work: () => Promise<Work>): Promise<Flight> {
    let connection: Connection | undefined
    const { signal } = client
    let timer: NodeJS.Timeout | undefined
    const onAbort = (): void => {
      if (connection !== undefined) timer = cancelUntilDone(connection)
    }
    signal.addEventListener('abort', onAbort, { once: true })
    const refuseAborted = (): void => {
      if (signal.aborted) throw new Failure('timeout', { detail: 'The client has gone' })
    }
    let loggedIn: LoggedIn<Connection>
    try {
      loggedIn = await logins.logIn(
        { ...login, address: client.address(), signal },
        {
          open(as) {
            refuseAborted()
            return open(login, as)
          },
          close: (opened) => opened.end(),
        },
      )
    } catch (error) {
      return refusedLogin(error)
    }
    connection = loggedIn.opened
    try {
      const asked = await work()
      refuseAborted()
      return await submit(connection, asked)
    } finally {
      clearInterval(timer)
      connection.end()
      loggedIn.release()
    }
  }

  function open(login: ConnectionString, as: Pick<SessionLogin, 'user' | 'password'>): Promise<Connection> {
    return openConnection(
      {
        server: config.databaseUrl,
        user: as.user,
        password: as.password,
        database: decodeURIComponent(config.databaseUrl.pathname.slice(1)),
        applicationName: login.applicationName,
        connectTimeoutMs: config.connectTimeoutMs,
        statementTimeoutMs: 0,
        lockTimeoutMs: 0,
        maxResponseBytes: config.maxResponseBytes,
        maxPreparedStatements: 0,
      },
      { onProgress() {}, onLost() {}, onGone() {}, onReadOnly() {} },
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

function refusedLogin(error: unknown): Flight {
  const refusal = explainLogin(error)
  if (refusal instanceof Failure) throw refusal
  const flight = createFlight(
    { identity: undefined, statements: [], begin: undefined, exclusive: true, reset: false },
    () => {},
  )
  flight.error = { kind: 'postgres', error: refusal }
  return flight
}
