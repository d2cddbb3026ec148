/**
 * One session of a database user who brought their own password: node-postgres logs in, then the stream is handed over.
 */
import type { Duplex } from 'node:stream'
import pg from 'pg'

/** Where to log in, and as whom. */
export interface Login {
  /** The configured server: its host, port and TLS settings are used, its user and password are not. */
  readonly server: URL
  readonly user: string
  readonly password: string
  readonly database: string
  readonly applicationName: string | undefined
  readonly connectTimeoutMs: number
}

/** A logged-in session with nothing sent on it yet. */
export interface Session {
  /** The stream of protocol messages, after the first ReadyForQuery. */
  readonly stream: Duplex
  readonly processID: number
  readonly secretKey: number
  readonly host: string
  readonly port: number
  /** What the server reported of itself and of the session's settings. */
  readonly parameters: ReadonlyMap<string, string>
}

interface ClientInternals {
  readonly connection: {
    readonly stream: Duplex
    on(event: 'parameterStatus', listener: (message: ParameterStatus) => void): void
  }
  readonly processID: number
  readonly secretKey: number
  readonly host: string
  readonly port: number
}

interface ParameterStatus {
  readonly parameterName: string
  readonly parameterValue: string
}

/** Settings that node-postgres sends in the startup message, by its own names. */
export type StartupSettings = Pick<
  pg.ClientConfig,
  'statement_timeout' | 'lock_timeout' | 'idle_in_transaction_session_timeout'
>

/**
 * Logs in.
 * @throws the error of node-postgres: its `code` is the SQLSTATE where the server refused
 */
export async function openSession(login: Login, settings: StartupSettings = {}): Promise<Session> {
  const client = new pg.Client({
    connectionString: toConnectionString(login),
    application_name: login.applicationName,
    connectionTimeoutMillis: login.connectTimeoutMs,
    keepAlive: true,
    ...settings,
  })
  // Losing the server is seen as the stream's `close`; an `error` without a listener would end the process.
  client.on('error', () => {})
  const internals = client as unknown as ClientInternals
  const parameters = new Map<string, string>()
  internals.connection.on('parameterStatus', ({ parameterName, parameterValue }) => {
    parameters.set(parameterName, parameterValue)
  })
  await client.connect()
  const { stream } = internals.connection
  stream.removeAllListeners('data')
  const { processID, secretKey, host, port } = internals
  return { stream, processID, secretKey, host, port, parameters }
}

function toConnectionString({ server, user, password, database }: Login): string {
  const url = new URL(server)
  url.username = encodeURIComponent(user)
  url.password = encodeURIComponent(password)
  url.pathname = `/${encodeURIComponent(database)}`
  return url.href
}
