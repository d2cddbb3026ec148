/**
 * An issuer: the endpoints of OAuth as functions from `Request` to `Response`, for any runtime with web standards.
 */
import { OptionError } from '../errors.ts'
import { isLoopback } from '../network.ts'
import type { KeySource } from '../token/key-source.ts'
import { authenticateClient } from './client-authentication.ts'
import { grants } from './grant-types.ts'
import { defaultTtlSeconds, maxTtlSeconds } from './issue.ts'
import { defaultPaths, type IssuerPaths, type Metadata, writeMetadata } from './metadata.ts'
import { OAuthError, toErrorResponse, toResponse } from './oauth-error.ts'
import type { OwnClaims } from './own-claims.ts'
import { type AccessToken, readOwnToken } from './own-token.ts'
import { readParameters, required } from './parameters.ts'
import type { IssuerStore, Person } from './store.ts'
import type { IssuerContext, IssuerEvent } from './token-response.ts'
import { introspectToken, revokeToken } from './token-status.ts'

/** What an issuer is made of. */
export interface IssuerOptions {
  /** `iss` of the tokens: an https URL, without a slash at its end; plain http on loopback only. */
  readonly issuer: string
  /** `aud` of the tokens. */
  readonly audience: string
  readonly keys: KeySource
  readonly store: IssuerStore
  /** Claims of the application for a person. Default none. */
  readonly claimsFor?: (person: Person) => OwnClaims | Promise<OwnClaims>
  /** Lifetime of access tokens, 1–86,400 s. Default 900. */
  readonly accessSeconds?: number
  /** Lifetime of a session that is not refreshed. Default 14 days. */
  readonly idleSeconds?: number
  /** Lifetime of a session, however often it is refreshed. Default 90 days. */
  readonly sessionSeconds?: number
  /**
   * Where you serve the endpoints, for the metadata. Default `/api/token`, `/api/revoke`, `/api/introspect` and
   * `/.well-known/jwks.json`, each below the issuer.
   */
  readonly paths?: Partial<IssuerPaths>
  /** Hears what happens. Default nobody. */
  readonly emit?: (event: IssuerEvent) => void
  /** The time in milliseconds. Default `Date.now`. */
  readonly now?: () => number
}

/** What is known of a request besides itself. */
export interface RequestInfo {
  /** Network address of the client. Without it failures are counted by account alone. */
  readonly address?: string | undefined
}

/**
 * The endpoints. Each answers refusals itself, and rejects only with what the store, the key source or `claimsFor` rejects
 * with, and with a Failure `claims_invalid` for claims that no token can have.
 */
export interface Issuer {
  /**
   * The endpoints below and the key set, each at its path, for a server that has other paths as well: the metadata where
   * RFC 8414 §3.1 and OpenID clients look for it, the rest where `paths` says.
   *
   * @returns undefined for a request that is for none of them
   * @example
   * app.use(async (c, next) => (await issuer.handle(c.req.raw)) ?? next()) // Hono
   */
  handle(request: Request, info?: RequestInfo): Promise<Response | undefined>
  /** The token endpoint (RFC 6749 §3.2). */
  token(request: Request, info?: RequestInfo): Promise<Response>
  /** The revocation endpoint (RFC 7009). */
  revoke(request: Request): Promise<Response>
  /** The introspection endpoint (RFC 7662), for clients with a secret. */
  introspect(request: Request): Promise<Response>
  /** The metadata document (RFC 8414). */
  metadata(): Promise<Metadata>
  /**
   * Reads an access token of this issuer whose session is alive, of the person themselves.
   *
   * @returns undefined for any other, and for one that is narrowed: an agent that holds it may query, and not do here what
   *   the person may
   */
  authenticate(token: string): Promise<AccessToken | undefined>
}

const day = 86_400

/**
 * Makes an issuer.
 *
 * The tokens can be verified once the keys are published: `handle` does it. Where you serve each endpoint by yourself,
 * serve `keys.jwks()` at `<issuer>/.well-known/jwks.json`, or where `paths` says.
 *
 * @throws OptionError when the issuer is no URL that may be one, a lifetime is out of its range, a path does not begin with
 *   a slash, or an option has a name that is none
 * @example
 * const issuer = createIssuer({ issuer: 'https://id.example.com', audience: 'api', keys: fixedKeys(key), store })
 * export default { fetch: async (request: Request) => (await issuer.handle(request)) ?? new Response(null, { status: 404 }) }
 */
export function createIssuer(options: IssuerOptions): Issuer {
  const context = toContext(options)
  const paths = toPaths(options.paths)
  const issuer: Issuer = {
    handle: async (request, info) => routes[`${request.method} ${new URL(request.url).pathname}`]?.(request, info),
    token: (request, info = {}) => answer(context, () => handleToken(context, request, info)),
    revoke: (request) =>
      answer(context, async () => {
        const parameters = await readParameters(request)
        const client = await authenticateClient(request, parameters, context.store)
        await revokeToken(context, client, required(parameters, 'token'))
        return toResponse(undefined)
      }),
    introspect: (request) =>
      answer(context, async () => {
        const parameters = await readParameters(request)
        const client = await authenticateClient(request, parameters, context.store)
        return toResponse(await introspectToken(context, client, required(parameters, 'token')))
      }),
    metadata: () => writeMetadata(context, paths),
    async authenticate(token) {
      const read = await readOwnToken(token, context)
      if (read === undefined || read.narrowing !== undefined) return undefined
      return (await context.store.findSession(read.sid)) === undefined ? undefined : read
    },
  }
  const routes = toRoutes(issuer, context, paths)
  return issuer
}

type Route = (request: Request, info?: RequestInfo) => Promise<Response>

/** Endpoints by method and path. */
function toRoutes(
  { token, revoke, introspect, metadata }: Issuer,
  { issuer, keys }: IssuerContext,
  paths: IssuerPaths,
): Readonly<Record<string, Route | undefined>> {
  const base = new URL(issuer).pathname.replace(/\/$/, '')
  const serveMetadata = async () => Response.json(await metadata())
  return Object.assign(Object.create(null), {
    [`POST ${base}${paths.token}`]: token,
    [`POST ${base}${paths.revoke}`]: revoke,
    [`POST ${base}${paths.introspect}`]: introspect,
    [`GET ${base}${paths.jwks}`]: () => publish(keys),
    [`GET /.well-known/oauth-authorization-server${base}`]: serveMetadata,
    [`GET ${base}/.well-known/openid-configuration`]: serveMetadata,
  })
}

async function publish(source: KeySource): Promise<Response> {
  const { keys, maxAgeSeconds } = await source.jwks()
  const headers = { 'Content-Type': 'application/jwk-set+json', 'Cache-Control': `public, max-age=${maxAgeSeconds}` }
  return new Response(JSON.stringify({ keys }), { headers })
}

async function handleToken(context: IssuerContext, request: Request, { address }: RequestInfo): Promise<Response> {
  refuseForeignForm(request)
  const parameters = await readParameters(request)
  const client = await authenticateClient(request, parameters, context.store)
  const grantType = required(parameters, 'grant_type')
  const grant = Object.hasOwn(grants, grantType) ? grants[grantType] : undefined
  if (grant === undefined) throw new OAuthError('unsupported_grant_type', 'There is no such grant type here')
  if (!client.grantTypes.includes(grantType)) {
    throw new OAuthError('unauthorized_client', 'The client may not use this grant type')
  }
  const response = await grant(context, { client, parameters, address })
  context.emit({ type: 'token_issued', grant: grantType, clientId: client.clientId })
  return toResponse(response)
}

/**
 * Pages of other sites can make a browser send a form. Their scripts could not read the answer, but each would count as
 * an attempt from the address of whoever looks at the page. JSON needs no such care: the browser asks first.
 */
function refuseForeignForm({ headers }: Request): void {
  const isForm = !/^application\/json\b/i.test(headers.get('Content-Type') ?? '')
  if (!isForm || headers.get('Sec-Fetch-Site') !== 'cross-site') return
  throw new OAuthError('invalid_request', 'Pages of other sites cannot send forms here')
}

async function answer(context: IssuerContext, work: () => Promise<Response>): Promise<Response> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof OAuthError)) throw error
    context.emit({ type: 'request_refused', error: error.code, reason: error.message })
    return toErrorResponse(error)
  }
}

const optionNames: Readonly<Record<keyof IssuerOptions, true>> = {
  issuer: true,
  audience: true,
  keys: true,
  store: true,
  claimsFor: true,
  accessSeconds: true,
  idleSeconds: true,
  sessionSeconds: true,
  paths: true,
  emit: true,
  now: true,
}

function toContext(options: IssuerOptions): IssuerContext {
  const stray = Object.keys(options).find((name) => !Object.hasOwn(optionNames, name))
  if (stray !== undefined) throw new OptionError(`there is no option ${stray}`)
  const { issuer, audience, keys, store } = options
  if (!isIssuerUrl(issuer))
    throw new OptionError('issuer is not an https URL without query, fragment and slash at its end')
  if (audience === '') throw new OptionError('audience is empty')
  return {
    issuer,
    audience,
    keys,
    store,
    claimsFor: options.claimsFor ?? (() => ({})),
    lifetimes: {
      accessSeconds: seconds('accessSeconds', options.accessSeconds ?? defaultTtlSeconds, maxTtlSeconds),
      idleSeconds: seconds('idleSeconds', options.idleSeconds ?? 14 * day, 366 * day),
      sessionSeconds: seconds('sessionSeconds', options.sessionSeconds ?? 90 * day, 366 * day),
    },
    now: options.now ?? Date.now,
    emit: options.emit ?? (() => undefined),
  }
}

function toPaths(given: Partial<IssuerPaths> = {}): IssuerPaths {
  for (const [name, path] of Object.entries(given)) {
    if (!Object.hasOwn(defaultPaths, name)) throw new OptionError(`there is no path ${name}`)
    if (!/^\/[^?#]*$/.test(path)) throw new OptionError(`paths.${name} does not begin with a slash, or has a query`)
  }
  return { ...defaultPaths, ...given }
}

function seconds(name: string, value: number, max: number): number {
  if (Number.isInteger(value) && value >= 1 && value <= max) return value
  throw new OptionError(`${name} must be a whole number from 1 to ${max}`)
}

/**
 * Whether a text may be the `issuer` of RFC 8414 §2; plain http is for loopback.
 *
 * @example
 * isIssuerUrl('https://id.example.com') // true
 * isIssuerUrl('http://id.example.com') // false
 */
export function isIssuerUrl(text: string): boolean {
  if (!URL.canParse(text) || /[?#]|\/$/.test(text)) return false
  const { protocol, hostname, username, password } = new URL(text)
  const secure = protocol === 'https:' || (protocol === 'http:' && isLoopback(hostname))
  return secure && username === '' && password === ''
}
