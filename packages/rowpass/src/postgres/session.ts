/**
 * One session with the server: node-postgres logs in, then the stream is handed over.
 */
import { isIP, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import pg from 'pg'
import type { ServerClient, ServerConfig } from './server-url.ts'
import { connectServer } from './servers.ts'

/** Where to log in, and as whom. */
export interface SessionLogin {
  /** The configured servers: their hosts, ports and TLS settings are used, user and password are not. */
  readonly server: URL
  readonly user: string
  /**
   * An empty one is refused by the server; it is never replaced by one of the environment or of a password file. A
   * function is called when the server asks, and not before.
   */
  readonly password: string | (() => string)
  readonly database: string
  readonly applicationName: string | undefined
  readonly connectTimeoutMs: number
  /** Settings of the session as the server's command line takes them, `-c name=value …`; see `toServerOptions`. */
  readonly options?: string
}

/** What a cancel request names a session by. */
export interface CancelKey {
  readonly processID: number
  readonly secretKey: number
}

/** What a cancel request needs. */
export interface Cancellable extends CancelKey {
  readonly host: string
  readonly port: number
  readonly ssl: pg.ClientConfig['ssl'] & {}
  readonly sslNegotiation: 'postgres' | 'direct'
}

/** A logged-in session with nothing sent on it yet. */
export interface Session extends Cancellable {
  /** The stream of protocol messages, after the first ReadyForQuery. Paused: whoever reads it calls `resume`. */
  readonly stream: Duplex
  /** What the server reported of itself and of the session's settings. */
  readonly parameters: ReadonlyMap<string, string>
  /** Host and port, as the URL has them. */
  readonly name: string
}

interface ClientInternals extends Cancellable {
  readonly connection: {
    readonly stream: Duplex
    on(event: 'parameterStatus', listener: (message: ParameterStatus) => void): void
  }
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
 * @throws the error of node-postgres: `serverRefusal` tells what the server said, if it was the server
 * @throws TypeError for a NUL in a parameter
 */
export async function openSession(login: SessionLogin, settings: StartupSettings = {}): Promise<Session> {
  refuseNul(login)
  const parametersOf = new Map<ServerClient, Map<string, string>>()
  const client = await connectServer(login.server, { ...toSessionConfig(login), ...settings }, (each) => {
    const parameters = new Map<string, string>()
    parametersOf.set(each, parameters)
    toInternals(each).connection.on('parameterStatus', ({ parameterName, parameterValue }) => {
      parameters.set(parameterName, parameterValue)
    })
  })
  const internals = toInternals(client)
  // Only now: a TLS connection has another stream than it began with.
  const { stream } = internals.connection
  stream.pause()
  stream.removeAllListeners('data')
  const { processID, secretKey, host, port, ssl, sslNegotiation } = internals
  const parameters = parametersOf.get(client) ?? new Map()
  return {
    stream,
    processID,
    secretKey,
    ...toAddress(host, ssl, stream),
    port,
    sslNegotiation,
    parameters,
    name: `${host}:${port}`,
  }
}

function toInternals(client: ServerClient): ClientInternals {
  return client as unknown as ClientInternals
}

/** The address of this very server: by its name, a cancel request might get to another one that has the same. */
function toAddress(host: string, ssl: Cancellable['ssl'], stream: Duplex): Pick<Cancellable, 'host' | 'ssl'> {
  const { remoteAddress } = stream as Socket
  if (remoteAddress === undefined || isIP(host) !== 0) return { host, ssl }
  if (ssl === false) return { host: remoteAddress, ssl }
  const given = ssl === true ? {} : ssl
  // node-postgres hides the key from enumeration.
  const key = 'key' in given ? { key: given.key } : {}
  return { host: remoteAddress, ssl: { ...given, ...key, servername: host } }
}

/** The startup message ends each value at its first NUL: the rest would be read as other parameters, `user` for one. */
function refuseNul({ user, database, applicationName, options }: SessionLogin): void {
  if ([user, database, applicationName, options].some((value) => value?.includes('\0'))) {
    throw new TypeError('a startup parameter has a NUL character')
  }
}

/** User and password go in by themselves: what is missing in a URL, node-postgres looks for in the environment. */
function toSessionConfig({ server, password, ...login }: SessionLogin): ServerConfig {
  const { searchParams } = server
  const options = [searchParams.get('options'), login.options].filter((given) => given).join(' ')
  const applicationName = login.applicationName ?? searchParams.get('application_name')
  return {
    user: login.user,
    password: typeof password === 'string' ? () => password : password,
    database: login.database,
    ...(applicationName === null ? {} : { application_name: applicationName }),
    connectionTimeoutMillis: login.connectTimeoutMs,
    keepAlive: true,
    // A server that has vanished is noticed on a silent connection too, within some minutes.
    keepAliveInitialDelayMillis: 30_000,
    ...(options === '' ? {} : { options }),
  }
}

/** Writes settings for the server's command line: whitespace and backslashes are escaped, as libpq has it. */
export function toServerOptions(settings: Iterable<readonly [name: string, value: string]>): string {
  return Array.from(settings, ([name, value]) => `-c ${`${name}=${value}`.replaceAll(/[\\\s]/g, '\\$&')}`).join(' ')
}

/** Of node-postgres' connection, what its types leave out. */
interface RawConnection extends pg.Connection {
  readonly stream: Socket
  connect(port: number, host: string): void
  connect(path: string): void
  requestSsl(): void
  cancel(processID: number, secretKey: number): void
}

/**
 * Asks the server to cancel whatever a session runs, over TLS where the session uses it.
 *
 * Resolves when the request was delivered, or could not be. It takes effect a little later, or not at all when the
 * session runs nothing.
 */
export function requestCancel(session: Cancellable, timeoutMs: number): Promise<void> {
  const { host, port, ssl, sslNegotiation, processID, secretKey } = session
  return new Promise((resolve) => {
    const connection = new pg.Connection({ ssl, sslNegotiation } as pg.ConnectionConfig) as RawConnection
    const { stream } = connection
    stream.setTimeout(timeoutMs, () => stream.destroy())
    connection.on('error', () => {})
    stream.on('close', () => resolve())
    // The server closes: a pooler drops the request of a client that has closed its side.
    const send = (): void => connection.cancel(processID, secretKey)
    connection.on('sslconnect', send)
    connection.on('connect', () => {
      if (ssl === false) send()
      else if (sslNegotiation !== 'direct') connection.requestSsl()
    })
    if (host.startsWith('/')) connection.connect(`${host}/.s.PGSQL.${port}`)
    else connection.connect(port, host)
  })
}
