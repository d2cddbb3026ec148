/**
 * The gateway: routes HTTP requests to the SQL handler, keeps the catalog facts fresh, starts and stops in good order.
 */
import { hash, randomBytes } from 'node:crypto'
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { sessionName } from '../database/gateways.ts'
import { Failure } from '../errors.ts'
import type { Emit } from '../events.ts'
import { Pool, type PoolOptions } from '../postgres/pool.ts'
import { createSchemaVersion, type SchemaVersion } from '../postgres/schema-version.ts'
import type { SessionLogin } from '../postgres/session.ts'
import type { FindType } from '../postgres/values.ts'
import { createVerifier } from '../token/verifier.ts'
import { readVersion } from '../version.ts'
import { createCatalogKeeper } from './catalog-reading.ts'
import type { GatewayConfig } from './config.ts'
import { failureResponse } from './contract/refuse.ts'
import type { SqlHeaders } from './contract/request.ts'
import { lengthOfBody, type SqlResponse } from './contract/respond.ts'
import { createSqlHandler } from './handle.ts'
import { createHttp } from './http/http.ts'
import { listenOn, sqlPath, urlOf } from './http/listen.ts'
import {
  FetchRequest,
  hostsOf,
  isAnswered,
  isMuchLeft,
  readHeaders,
  requestId,
  ServerRequest,
  type SqlRequest,
} from './http/receive.ts'
import { createDoor, maxMessageBytes } from './mcp/door.ts'
import { createMetrics, createMetricsHttp, type Metrics } from './metrics.ts'
import { nodeVerify } from './node-verify.ts'
import { createLogins } from './password/login.ts'
import { createWebSocketGateway } from './password/websocket.ts'
import { createReload, expectedOf } from './reload.ts'
import { Replicas } from './replicas/replicas.ts'
import { createHeavy } from './threads/heavy.ts'
import { createTokenPath } from './token-path.ts'
import { createTraffic } from './traffic.ts'
import { toUnderWayLimits, UnderWay } from './under-way.ts'

/** A running gateway. */
export interface Gateway {
  /**
   * Starts to listen on the configured host and port; resolves with the URL of `POST /sql`.
   *
   * @throws Failure `port_taken`, `config_invalid` when the address is not one to listen on; both name the setting
   */
  listen(): Promise<URL>
  /** Serves a connection that another process has accepted, and of which nothing was read. */
  accept(socket: Socket): void
  /**
   * The same gateway without a socket, for a program that runs it in its own process. Wrong passwords count by address
   * only where `addressHeader` has one.
   */
  fetch(request: Request): Promise<Response>
  /** Whether the database has been reached, is prepared, and can be used now. */
  ready(): boolean
  /**
   * Puts the issuers, the seal key, `passwordMode` and `passwordUsers` of another configuration in force; every other
   * setting needs a new gateway. Requests under way are not touched; sessions over WebSocket of users who may no longer log
   * in are ended. A seal key and database roles that were not in force before are tried on the database first. One reload
   * comes after the other.
   *
   * Emits `config_reloaded`, or `config_refused`; then nothing has changed. Never rejects.
   *
   * @param read returns the configuration, or throws what is wrong with it
   */
  reload(read: () => GatewayConfig): Promise<void>
  /** The same at once, for whoever has tried it: nothing is asked of the database, and nothing emitted. */
  replace(config: GatewayConfig): void
  /**
   * Goes on for `drainSeconds` while it is not ready, lets requests under way end, up to 10 s, then closes every connection.
   * Emits `gateway_stopping`, `gateway_stopped`.
   */
  close(): Promise<void>
}

/** What a gateway can be given besides its configuration. */
export interface GatewayOptions {
  /** Takes every observable fact; none by default. */
  readonly emit?: Emit
  /** Fetches key sets and metadata; the global `fetch` by default, which heeds no proxy. */
  readonly fetch?: typeof fetch
  /** What else has to hold for `GET /readyz` to say so; nothing by default. */
  readonly alsoReady?: () => boolean
  /** Counts facts; what the port for metrics says by default. */
  readonly metrics?: Metrics
}

const closeGraceMs = 10_000

const corsHeaders = {
  'access-control-allow-methods': 'POST',
  'access-control-allow-headers':
    'Authorization, Content-Type, Neon-Connection-String, Neon-Raw-Text-Output, Neon-Array-Mode, Neon-Pool-Opt-In, ' +
    'Neon-Batch-Read-Only, Neon-Batch-Isolation-Level, Neon-Batch-Deferrable, Neon-Request-Id, Rowpass-Seen, Traceparent',
  'access-control-max-age': '86400',
}

/**
 * Makes a gateway and starts to connect to the database. Until that has succeeded once, requests end with
 * `database_unavailable`; a database that goes away later is reconnected to.
 *
 * @example
 * const gateway = createGateway(parseGatewayConfig(process.env))
 * console.log(`POST ${await gateway.listen()}`)
 * process.once('SIGTERM', () => void gateway.close())
 */
export function createGateway(config: GatewayConfig, options: GatewayOptions = {}): Gateway {
  const { metrics = createMetrics(), alsoReady = () => true } = options
  const emit: Emit = (event) => {
    metrics.emit(event)
    options.emit?.(event)
  }
  let expected = expectedOf(config)
  const schemaVersion = createSchemaVersion(() => {
    replicas?.changed()
    catalog.refresh()
  })
  const poolOptions = toPoolOptions(config, schemaVersion)
  const pool = new Pool(poolOptions, (event) => {
    if (event.type === 'connection_opened') replicas?.onPrimaryOpened()
    emit(event)
  })
  metrics.watch(pool, ready)
  const replicas =
    config.replicaUrls.length === 0
      ? undefined
      : new Replicas({ config, primary: pool, poolOptions, expected: () => expected, emit })
  if (replicas !== undefined) metrics.watchReplicas(replicas)
  const verifier = createVerifier(config.issuers, {
    sha256: (text) => hash('sha256', text, 'base64'),
    verifyOperation: nodeVerify,
    ...(options.fetch === undefined ? {} : { fetch: options.fetch }),
    allowPrivateNetwork: config.privateJwks,
    minFreshSeconds: config.jwksMinSeconds,
    maxFreshSeconds: config.jwksMaxSeconds,
    maxStaleSeconds: config.jwksStaleSeconds,
    emit,
  })
  const heavy = createHeavy(config, emit, () => catalog.unread())
  const catalog = createCatalogKeeper(config, {
    expected: () => expected,
    onFacts(facts) {
      replicas?.changed()
      heavy.setFacts(facts)
    },
    onVersion: schemaVersion.see,
    emit,
  })
  const logins = createLogins(config, emit)
  const underWay = new UnderWay(toUnderWayLimits(config))
  const findType: FindType = (oid) => catalog.current?.types.get(oid)
  const traffic = createTraffic({
    bytesPerSecond: config.identityBytesPerSecond,
    maxWaitMs: config.queueTimeoutMs,
  })
  const common = { config, heavy, underWay, findType, emit }
  const tokenPath = createTokenPath({ ...common, sealKey: () => expected.sealKey, verifier, pool, replicas, traffic })
  const handle = createSqlHandler({ ...common, tokenPath, logins })
  let { issuers } = config
  const door = config.mcp ? createDoor({ ...common, tokenPath, issuers: () => issuers }) : undefined
  const mcpConfig = { ...config, maxRequestBytes: Math.min(config.maxRequestBytes, maxMessageBytes) }
  let closing = false
  let stopped: Promise<void> | undefined
  if (config.allowExplain) emit({ type: 'explain_allowed', remedy: 'unset ROWPASS_ALLOW_EXPLAIN; see SECURITY.md' })

  const webSockets = createWebSocketGateway({ config, logins, emit })
  const http = createHttp((request, response) => {
    void route(request, response)
  }, webSockets.upgrade)
  const metricsHttp = createMetricsHttp(metrics, config.hosts)

  /** Whichever server received it. */
  async function answerTo(request: IncomingMessage | Request, given: Given): Promise<SqlResponse> {
    const { method, path, headers, receive } = given
    if (!isAnswered(request, config.hosts)) return unknownHostResponse
    if (method === 'POST' && path === sqlPath) return handle(receive(config))
    if (!door?.serves(path)) return otherRoute(method, path)
    return door.answer({ method, path, hosts: hostsOf(request), headers: headers(), sql: receive(mcpConfig) })
  }

  async function route(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = request.url?.split('?', 1)[0] ?? ''
    const headers = readHeaders(request.rawHeaders)
    const id = requestId(headers['neon-request-id'])
    const answer = await answerTo(request, {
      method: request.method ?? '',
      path,
      headers: () => request.headers,
      receive: (receiving) => new ServerRequest(id, request, response, headers, receiving),
    })
    if (response.destroyed) return
    const length = lengthOfBody(answer)
    const sent = answerHeaders(id, headers.origin, answer, length)
    // Else Node would read on, as fast as it comes, what nobody wants.
    if (isMuchLeft(request)) sent.connection = 'close'
    response.writeHead(answer.status, sent)
    http.end(response, answer.body, length)
  }

  function replace(next: GatewayConfig): void {
    verifier.replaceIssuers(next.issuers)
    expected = expectedOf(next)
    replicas?.changed(next.sealKeys)
    issuers = next.issuers
    logins.replace(next)
    webSockets.endRefused()
  }

  async function stop(): Promise<void> {
    const startedAt = performance.now()
    emit({ type: 'gateway_stopping', requests: pool.inFlight + pool.queued, sessions: webSockets.open })
    closing = true
    if (config.drainSeconds > 0) await wait(config.drainSeconds * 1_000)
    catalog.close()
    const [cutOff] = await Promise.all([http.close(closeGraceMs), webSockets.close(), metricsHttp.close(closeGraceMs)])
    await Promise.all([pool.close(), replicas?.close()])
    await heavy.close()
    emit({ type: 'gateway_stopped', cutOff, durationMs: performance.now() - startedAt })
  }

  function otherRoute(method: string, path: string): SqlResponse {
    if (method === 'OPTIONS' && path === sqlPath) return preflightResponse()
    if (method === 'GET' && path === '/healthz') return textResponse(200, 'ok')
    if (method === 'GET' && path === '/readyz') return readiness()
    return unknownRouteResponse
  }

  function readiness(): SqlResponse {
    return ready() && alsoReady() ? textResponse(200, 'ready') : textResponse(503, 'not ready')
  }

  function ready(): boolean {
    return !closing && catalog.prepared && catalog.reached && heavy.ready && pool.open > 0
  }

  function answerHeaders(
    id: string,
    origin: string | undefined,
    answer: SqlResponse,
    length: number,
  ): Record<string, string> {
    const headers: Record<string, string> = { 'content-length': String(length), 'neon-request-id': id }
    for (const name in answer.headers) headers[name] = answer.headers[name] as string
    if (closing) headers.connection = 'close'
    if (origin === undefined || !config.corsOrigins.has(origin)) return headers
    return {
      ...headers,
      'access-control-allow-origin': origin,
      'access-control-expose-headers': 'Neon-Request-Id, Rowpass-Seen',
      vary: 'Origin',
    }
  }

  return {
    async listen() {
      const port = await listenOn(http, config, 'port')
      if (config.metricsPort !== 0) await listenOn(metricsHttp, config, 'metricsPort')
      return urlOf(config.host, port)
    },
    accept: http.accept,
    async fetch(request) {
      const headers = Object.fromEntries(request.headers) as SqlHeaders
      const id = requestId(headers['neon-request-id'])
      const { pathname } = new URL(request.url)
      let received: FetchRequest | undefined
      const answer = await answerTo(request, {
        method: request.method,
        path: pathname,
        headers: () => Object.fromEntries(request.headers),
        receive: (receiving) => {
          received = new FetchRequest(id, request, headers, receiving)
          return received
        },
      })
      received?.close()
      return new Response(Buffer.concat(answer.body), {
        status: answer.status,
        headers: answerHeaders(id, headers.origin, answer, lengthOfBody(answer)),
      })
    },
    ready,
    reload: createReload(config, { apply: replace, emit }),
    replace,
    close() {
      stopped ??= stop()
      return stopped
    },
  }
}

/** What is looked at of a request before it is known what it is for. */
interface Given {
  readonly method: string
  readonly path: string
  /** Node reads them when they are asked for, which /sql does not. */
  headers(): IncomingHttpHeaders
  receive(receiving: Pick<GatewayConfig, 'maxRequestBytes' | 'addressHeader'>): SqlRequest
}

function toPoolOptions(config: GatewayConfig, schemaVersion: SchemaVersion): PoolOptions {
  return {
    ...toLogin(config.databaseUrl),
    applicationName: sessionName({ version: readVersion(), process: randomBytes(4).toString('hex') }),
    connectTimeoutMs: config.connectTimeoutMs,
    statementTimeoutMs: config.statementTimeoutMs,
    lockTimeoutMs: config.lockTimeoutMs,
    maxResponseBytes: config.maxResponseBytes,
    maxPreparedStatements: config.preparedStatements,
    schemaVersion,
    size: config.poolSize,
    maxPipelineDepth: config.pipelineDepth,
    maxQueued: config.queueLimit,
    queueTimeoutMs: config.queueTimeoutMs,
    slowLimit: config.slowLimit,
    requestTimeoutMs: config.requestTimeoutMs,
  }
}

function toLogin(url: URL): Pick<SessionLogin, 'server' | 'user' | 'password' | 'database'> {
  return {
    server: url,
    user: decodeURIComponent(url.username),
    password: decodeURIComponent(url.password),
    database: decodeURIComponent(url.pathname.slice(1)),
  }
}

function preflightResponse(): SqlResponse {
  return { status: 200, headers: { allow: 'OPTIONS, POST', ...corsHeaders }, body: [] }
}

function textResponse(status: number, text: string): SqlResponse {
  return { status, headers: { 'content-type': 'text/plain' }, body: [Buffer.from(`${text}\n`)] }
}

const unknownHostResponse = failureResponse(new Failure('host_unknown'))

const unknownRouteResponse: SqlResponse = {
  ...failureResponse(new Failure('request_invalid')),
  body: [Buffer.from('"query is not supported"')],
}
