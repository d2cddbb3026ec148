/**
 * PostgreSQL's protocol over WebSocket, as the Neon driver's `Pool` and `Client` speak it.
 *
 * The driver sends its startup message, a cleartext password and the first query in one frame, so the gateway asks for
 * the password itself, logs in to the configured server with whatever that server demands, and then only copies bytes.
 */
import { randomUUID } from 'node:crypto'
import { type IncomingMessage, STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import { type WebSocket, WebSocketServer } from 'ws'
import { Failure } from '../../errors.ts'
import type { Emit } from '../../events.ts'
import { openSession, type Session, toServerOptions } from '../../postgres/session.ts'
import type { GatewayConfig } from '../config.ts'
import { failureResponse } from '../contract/refuse.ts'
import { lengthOfBody } from '../contract/respond.ts'
import { clientAddress, isAnswered } from '../http/receive.ts'
import { createCancel } from './cancel.ts'
import { createInbox, type Inbox } from './inbox.ts'
import { explainLogin, type LoggedIn, type LoginRequest, type PasswordLogins } from './login.ts'
import { createNewcomers, type Newcomer } from './newcomers.ts'
import { relay } from './relay.ts'
import { errorMessage, greeting, passwordRequest, readPassword, readStartup, type StartupRequest } from './startup.ts'

/** Takes over sockets that ask to speak WebSocket. */
export interface WebSocketGateway {
  /** Sessions that are open. */
  readonly open: number
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void
  /** Ends the sessions of users who may no longer log in. */
  endRefused(): void
  /** Ends every session; resolves when PostgreSQL has seen the last one end. */
  close(): Promise<void>
}

/** What the gateway side needs. */
export interface WebSocketParts {
  readonly config: GatewayConfig
  readonly logins: PasswordLogins
  readonly emit: Emit
  /** See `RelayOptions`; default 30 s. */
  readonly heartbeatMs?: number
  /** How long a client may take to say who it is; default 10 s. */
  readonly startupTimeoutMs?: number
}

const maxNewcomers = 64
/** What they all may have sent before they are known; one of them may send a message of `maxRequestBytes`. */
const maxNewcomerBytes = 64 * 1024 * 1024
const closeTimeoutMs = 2_000
const maxUnreadPongBytes = 64 * 1024
/** RFC 6455 §7.4.1: normal closure, the endpoint goes away, a violated policy. */
const closeCodes = { normal: 1000, goingAway: 1001, refused: 1008 } as const

/** Makes the server side. Where password mode is off, every session is refused with a message that says so. */
export function createWebSocketGateway(parts: WebSocketParts): WebSocketGateway {
  const { config, logins, emit } = parts
  // `closeTimeout` is not in the types of `ws` yet, so the options must not be a literal at the call.
  const options = {
    noServer: true,
    maxPayload: config.maxRequestBytes,
    perMessageDeflate: false,
    autoPong: false,
    closeTimeout: closeTimeoutMs,
  }
  const server = new WebSocketServer(options)
  const sessions = new Map<Session, Served>()
  const serving = new Set<Promise<void>>()
  const newcomers = createNewcomers({ maxClients: maxNewcomers, maxBytes: maxNewcomerBytes })
  const cancel = createCancel(() => sessions.keys(), config.connectTimeoutMs)
  let closing = false

  async function serve(webSocket: WebSocket, socket: Duplex, address: string | undefined): Promise<void> {
    const id = randomUUID()
    const inbox = createInbox(webSocket)
    const newcomer = newcomers.enter(webSocket, socket)
    const loggedIn = await startUp(webSocket, inbox, newcomer, address)
    if (loggedIn === undefined) return
    newcomer.leave()
    const { session, user, release } = loggedIn
    const startedAt = performance.now()
    const served: Served = { webSocket, user, ended: false }
    sessions.set(session, served)
    emit({ type: 'session_opened', sessionId: id, role: user })
    const report = await relay(webSocket, inbox, session, {
      heartbeatMs: parts.heartbeatMs ?? 30_000,
      connectTimeoutMs: config.connectTimeoutMs,
    })
    sessions.delete(session)
    release()
    const endedBy = closing || served.ended ? 'gateway' : report.endedBy
    emit({
      type: 'session_closed',
      sessionId: id,
      role: user,
      ...report,
      endedBy,
      durationMs: performance.now() - startedAt,
    })
  }

  /** Everything until the greeting; refuses and answers `undefined` where there is no session to be had. */
  async function startUp(
    webSocket: WebSocket,
    inbox: Inbox,
    newcomer: Newcomer,
    address: string | undefined,
  ): Promise<LoggedInUser | undefined> {
    const patience = setTimeout(() => webSocket.terminate(), parts.startupTimeoutMs ?? 10_000)
    const send = (bytes: Buffer): void => webSocket.send(bytes)
    let user: string | undefined
    try {
      if (!logins.on) throw new Failure('password_mode_off')
      const startup = await readStartup(inbox, send)
      if (startup.kind === 'cancel') {
        cancel(startup, address)
        webSocket.close(closeCodes.normal)
        return undefined
      }
      user = startup.user
      if (!config.databases.has(startup.database)) {
        throw new Failure('database_unknown', { detail: `database "${startup.database}" does not exist` })
      }
      send(passwordRequest())
      const password = await readPassword(inbox)
      clearTimeout(patience)
      newcomer.waits = true
      const gone = new AbortController()
      webSocket.once('close', () => gone.abort())
      return await logIn({ ...startup, password, address, signal: gone.signal }, send)
    } catch (error) {
      refuse(webSocket, error, user)
      return undefined
    } finally {
      newcomer.waits = false
      clearTimeout(patience)
    }
  }

  async function logIn(request: StartupRequest & LoginRequest, send: (bytes: Buffer) => void): Promise<LoggedInUser> {
    const { user, applicationName, options } = request
    const { opened, release } = await logins.logIn(request, {
      open: (as) =>
        openSession({
          ...as,
          server: config.databaseUrl,
          database: decodeURIComponent(config.databaseUrl.pathname.slice(1)),
          applicationName,
          connectTimeoutMs: config.connectTimeoutMs,
          options: `${idleOptions(config.passwordIdleTimeoutMs)} ${options}`,
        }),
      close: ({ stream }) => stream.destroy(),
    })
    send(greeting(opened))
    return { session: opened, user, release }
  }

  function refuse(webSocket: WebSocket, error: unknown, user = ''): void {
    const refusal = explainLogin(error)
    const { code, sqlstate } =
      refusal instanceof Failure
        ? { code: refusal.code, sqlstate: refusal.spec.sqlstate }
        : { code: 'postgres' as const, sqlstate: refusal.code }
    emit({ type: 'session_refused', code, sqlstate, ...(user === '' ? {} : { role: user }), cause: error })
    webSocket.send(errorMessage(refusal))
    webSocket.close(closeCodes.refused)
  }

  return {
    get open() {
      return sessions.size
    },
    upgrade(request, socket, head) {
      const { origin } = request.headers
      if (origin !== undefined && !config.corsOrigins.has(origin)) return refuseUpgrade(socket, 403, originRefused)
      if (!isAnswered(request, config.hosts)) return refuseUpgrade(socket, 421, new Failure('host_unknown'))
      if (closing || !newcomers.makeRoom()) return refuseUpgrade(socket, 503, new Failure('overloaded'))
      const address = clientAddress(request, config.addressHeader)
      server.handleUpgrade(request, socket, head, (webSocket) => {
        // A message over the limit, a frame that breaks the protocol: `ws` closes the connection by itself.
        webSocket.on('error', () => {})
        // RFC 6455 §5.5.3: not every ping needs its pong; those to a client that does not read would pile up.
        webSocket.on('ping', (data) => webSocket.bufferedAmount <= maxUnreadPongBytes && webSocket.pong(data))
        const served = serve(webSocket, socket, address).finally(() => serving.delete(served))
        serving.add(served)
      })
    },
    endRefused() {
      for (const served of sessions.values()) {
        if (logins.allows(served.user)) continue
        served.ended = true
        served.webSocket.close(closeCodes.refused, 'the user may no longer log in')
      }
    },
    async close() {
      closing = true
      for (const client of server.clients) client.close(closeCodes.goingAway, 'the gateway is shutting down')
      await Promise.all(serving)
    },
  }
}

interface LoggedInUser extends Pick<LoggedIn<Session>, 'release'> {
  readonly session: Session
  readonly user: string
}

interface Served {
  readonly webSocket: WebSocket
  readonly user: string
  /** Whether the gateway has ended it. */
  ended: boolean
}

const originRefused = new Failure('request_invalid', {
  detail: 'pages of this origin may not connect: see ROWPASS_CORS_ORIGINS',
})

/** The server itself ends what sits idle; it knows a session that waits from one that works. */
function idleOptions(timeoutMs: number): string {
  const value = String(timeoutMs)
  return toServerOptions([
    ['idle_session_timeout', value],
    ['idle_in_transaction_session_timeout', value],
  ])
}

function refuseUpgrade(socket: Duplex, status: 403 | 421 | 503, failure: Failure): void {
  const answer = failureResponse(failure)
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    'connection: close',
    'content-type: application/json',
    `content-length: ${lengthOfBody(answer)}`,
  ]
  socket.on('error', () => {})
  socket.end(Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`), ...answer.body]))
}
