/**
 * `POST /mcp`: the Model Context Protocol over HTTP, without a session. Each request brings its token, counts for whom it is
 * from like one to `/sql`, and leaves one line in the log.
 */
import type { IncomingHttpHeaders } from 'node:http'
import { Failure } from '../../errors.ts'
import type { Emit } from '../../events.ts'
import type { TrustedIssuer } from '../../token/issuer-settings.ts'
import { type Answered, nobody, toAuditLine } from '../audit.ts'
import type { GatewayConfig } from '../config.ts'
import { refuse } from '../contract/refuse.ts'
import type { SqlResponse } from '../contract/respond.ts'
import type { SqlRequest } from '../http/receive.ts'
import type { TokenPath } from '../token-path.ts'
import { held } from '../under-way.ts'
import { isServed, jsonResponse, notServed, readMessage } from './message.ts'
import { createProtectedResource, mcpPath } from './resource.ts'
import type { Serve } from './serve.ts'
import { createTools } from './tools.ts'

/** A request to the door or to its metadata. */
export interface McpRequest {
  readonly method: string
  readonly path: string
  /** Each name by which it was sent here. */
  readonly hosts: readonly string[]
  readonly headers: IncomingHttpHeaders
  /** Its body is read up to {@link maxMessageBytes}. */
  readonly sql: SqlRequest
}

/** What the door is made of. */
export interface DoorParts {
  readonly config: GatewayConfig
  readonly issuers: () => readonly TrustedIssuer[]
  readonly tokenPath: TokenPath
  readonly emit: Emit
}

/** The door. */
export interface Door {
  /** Whether a request of this path is the door's. */
  serves(path: string): boolean
  /** Never rejects. */
  answer(request: McpRequest): Promise<SqlResponse>
}

/** A statement for a person to read is short; JSON of this size takes the thread that serves everybody 9 ms at most. */
export const maxMessageBytes = 64 * 1024
const ownPath = /^\/(?:mcp|\.well-known\/oauth-protected-resource(?:\/.*)?)$/
/** Makes it. The SDK is loaded with the first request: a gateway without the door has nothing of it in memory. */
export function createDoor({ config, issuers, tokenPath, emit }: DoorParts): Door {
  const resource = createProtectedResource(config, issuers)
  const tools = createTools(config, tokenPath)
  let loading: Promise<Serve> | undefined
  const load = (): Promise<Serve> => {
    loading ??= import('./serve.ts').then(({ createServe }) => createServe(tools))
    return loading
  }

  async function answer(request: McpRequest): Promise<SqlResponse> {
    const startedAt = performance.now()
    const host = request.hosts[0] ?? ''
    let answered: Answered
    try {
      resource.admit({ hosts: request.hosts, origin: request.sql.headers.origin })
      const document = resource.metadata(request.path, host)
      if (document !== undefined) return metadataResponse(request.method, document)
      if (request.path !== mcpPath) throw new Failure('path_unknown')
      if (request.method === 'OPTIONS') return preflightResponse
      if (request.method !== 'POST') return { ...refusal(new Failure('path_unknown'), host), status: 405 }
      answered = await withToken(request, host)
    } catch (error) {
      answered = { who: nobody, ending: { ...refuse(error), response: refusal(error, host) } }
    }
    emit(toAuditLine(request.sql, answered, startedAt))
    return answered.ending.response
  }

  /** Nothing of the body is read before the token is known to be good, and for here. */
  async function withToken({ headers, sql }: McpRequest, host: string): Promise<Answered> {
    const identified = tokenPath.identify(sql)
    const { token, caller } = identified instanceof Promise ? await identified : identified
    const { who } = caller
    try {
      resource.checkAudience(token)
      const turn = tokenPath.enter(caller, sql)
      const message = readMessage(headers['content-type'], (await tokenPath.receive(turn)).toString())
      if (!isServed(message)) return { who, ending: { response: notServed(message), outcome: 'ok' } }
      const { response, answered } = await (await load())({ turn, token }, headers, message)
      const ending = held({ ...(answered?.ending ?? { outcome: 'ok' }), response }, turn.hold)
      return answered === undefined ? { who, ending } : { ...answered, ending }
    } catch (error) {
      return { who, ending: { ...refuse(error), response: refusal(error, host) } }
    }
  }

  /** Unlike those to a driver of SQL, its status says what kind of refusal it is. */
  function refusal(error: unknown, host: string): SqlResponse {
    const failure = error instanceof Failure ? error : new Failure('internal')
    const { code, spec, detail, retryAfterSeconds } = failure
    const challenge = resource.challenge(failure, host)
    const seconds = retryAfterSeconds ?? (spec.status === 503 ? 1 : undefined)
    const hint = spec.hint === undefined ? {} : { hint: spec.hint }
    return {
      ...jsonResponse(spec.status, {
        jsonrpc: '2.0',
        id: null,
        error: { code: -32_000, message: `${code}: ${detail ?? spec.says}`, data: { code, ...hint } },
      }),
      headers: {
        'content-type': 'application/json',
        ...(challenge === undefined ? {} : { 'www-authenticate': challenge }),
        ...(seconds === undefined ? {} : { 'retry-after': String(seconds) }),
      },
    }
  }

  return { serves: (path) => ownPath.test(path), answer }
}

function metadataResponse(method: string, document: string): SqlResponse {
  if (method !== 'GET') return { status: 405, headers: { allow: 'GET' }, body: [] }
  return { status: 200, headers: { 'content-type': 'application/json' }, body: [Buffer.from(document)] }
}

const preflightResponse: SqlResponse = {
  status: 204,
  headers: {
    allow: 'OPTIONS, POST',
    'access-control-allow-methods': 'POST',
    'access-control-allow-headers':
      'Authorization, Content-Type, Mcp-Protocol-Version, Mcp-Method, Mcp-Name, Mcp-Session-Id, Traceparent',
    'access-control-max-age': '86400',
  },
  body: [],
}
