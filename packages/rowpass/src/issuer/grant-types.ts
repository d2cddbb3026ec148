/**
 * What a client may hand in for a token: one function for each `grant_type`.
 */
import { Failure } from '../errors.ts'
import { isOwnScope } from '../token/narrowing.ts'
import { toAttempt, toEmail } from './account-names.ts'
import { narrowClaims, narrowedSeconds, narrowScope } from './narrow.ts'
import { OAuthError } from './oauth-error.ts'
import { type AccessToken, readOwnToken } from './own-token.ts'
import { type Parameters, required } from './parameters.ts'
import { comparePassword, hashPassword } from './password.ts'
import { createSecret, hashSecret } from './secret.ts'
import type { Client, Credential } from './store.ts'
import {
  type IssuerContext,
  ownClaimsOf,
  prepareSigner,
  signClaims,
  signFor,
  type TokenResponse,
} from './token-response.ts'

/** One request for a token, its client known. */
export interface GrantRequest {
  readonly client: Client
  readonly parameters: Parameters
  /** Network address of the client, where it is known. */
  readonly address: string | undefined
}

/** Turns what was handed in into tokens, or throws an OAuthError. */
export type GrantType = (context: IssuerContext, request: GrantRequest) => Promise<TokenResponse>

/** URN of RFC 8693. */
const tokenExchange = 'urn:ietf:params:oauth:grant-type:token-exchange'
const accessTokenType = 'urn:ietf:params:oauth:token-type:access_token'

/** The grants by `grant_type`. */
export const grants: Readonly<Record<string, GrantType>> = {
  password: signIn,
  refresh_token: refresh,
  client_credentials: serveClient,
  [tokenExchange]: (context, request) =>
    request.parameters.has('tenant_id') ? switchTenant(context, request) : narrow(context, request),
}

/** RFC 6749 §4.3, for first-party clients. `username` is the e-mail address. */
async function signIn(context: IssuerContext, { client, parameters, address }: GrantRequest): Promise<TokenResponse> {
  const { store, lifetimes } = context
  const username = required(parameters, 'username')
  const password = required(parameters, 'password')
  const scope = toScope(parameters.get('scope'), client.scopes)
  const attempt = await toAttempt('sign-in', username, address)
  const { retryAfterSeconds, credential, person } = await store.beginSignIn(toEmail(username), attempt)
  if (retryAfterSeconds > 0) {
    throw new OAuthError('too_many_attempts', 'Too many attempts failed: wait before the next one', retryAfterSeconds)
  }
  // The same work where there is no such account.
  const { matches, outdated } = await comparePassword(password, credential?.passwordHash).catch(refuseWhereFull)
  if (!matches || credential === undefined || person === undefined) throw wrongCredentials()
  const claims = await ownClaimsOf(context, person)
  const signer = await prepareSigner(context)
  const refreshToken = client.grantTypes.includes('refresh_token') ? createSecret() : undefined
  const refreshHash = refreshToken === undefined ? undefined : await hashSecret(refreshToken)
  const sid = crypto.randomUUID()
  const opened = await store.openSession(
    { sid, credential, clientId: client.clientId, scope, refreshHash, attempt },
    lifetimes,
  )
  if (opened === undefined) throw wrongCredentials()
  const response = await signFor(context, signer, { client, sid, scope, claims, person: opened }, { refreshToken })
  if (outdated) await renewHash(context, credential, password)
  return response
}

function refuseWhereFull(error: unknown): never {
  if (!isQueueFull(error)) throw error
  throw new OAuthError('temporarily_unavailable', 'Too many people sign in at once', error.retryAfterSeconds)
}

function isQueueFull(error: unknown): error is Failure {
  return error instanceof Failure && error.code === 'password_queue_full'
}

/** Not worth a refusal: where too many are waiting, the next sign-in does it. */
async function renewHash({ store }: IssuerContext, credential: Credential, password: string): Promise<void> {
  try {
    await store.replaceHash(credential, await hashPassword(password))
  } catch (error) {
    if (!isQueueFull(error)) throw error
  }
}

/** RFC 6749 §6. The token is used up; the answer holds the next one. */
async function refresh(context: IssuerContext, { client, parameters }: GrantRequest): Promise<TokenResponse> {
  const { store, lifetimes } = context
  const hash = await hashSecret(required(parameters, 'refresh_token'))
  const session = await store.findRefresh(hash)
  if (session === undefined || session.clientId !== client.clientId) throw wrongRefreshToken()
  // Before the token is used up: a wrong scope costs nobody their session.
  const scope = toScope(parameters.get('scope'), session.scope.split(' '))
  const claims = session.used || session.person === undefined ? {} : await ownClaimsOf(context, session.person)
  // A token that comes again ends its session also where nothing can be signed.
  const signer = session.used ? undefined : await prepareSigner(context)
  const refreshToken = createSecret()
  const rotation = await store.rotateRefresh(hash, client.clientId, await hashSecret(refreshToken), lifetimes)
  if (rotation.outcome === 'reused') {
    context.emit({ type: 'refresh_token_reused', clientId: client.clientId, sid: session.sid })
  }
  if (rotation.outcome !== 'rotated' || signer === undefined) throw wrongRefreshToken()
  const { person } = rotation
  if (person === undefined) {
    await store.endSession(session.sid)
    throw wrongRefreshToken()
  }
  return signFor(context, signer, { client, sid: session.sid, scope, claims, person }, { refreshToken })
}

/** RFC 6749 §4.4: a service, for itself. There is nothing to refresh. */
async function serveClient(context: IssuerContext, { client, parameters }: GrantRequest): Promise<TokenResponse> {
  if (client.secretHash === undefined) {
    throw new OAuthError('unauthorized_client', 'A client without a secret cannot act for itself')
  }
  const scope = toScope(parameters.get('scope'), client.scopes)
  const signer = await prepareSigner(context)
  const sid = await context.store.extendService(client.clientId, context.lifetimes)
  if (sid === undefined) throw new OAuthError('invalid_client', 'The client is unknown or has not authenticated')
  return signFor(context, signer, { client, sid, scope, claims: {}, person: undefined })
}

/**
 * RFC 8693: a person's access token for one in another of their tenants, which the parameter `tenant_id` names. Both
 * are of the same session and end at the same time, so that who has found one cannot live on it; the old one stays as it
 * is.
 */
async function switchTenant(context: IssuerContext, { client, parameters }: GrantRequest): Promise<TokenResponse> {
  const { store, lifetimes } = context
  const tenantId = required(parameters, 'tenant_id').toLowerCase()
  if (!/^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/.test(tenantId)) {
    throw new OAuthError('invalid_request', 'The parameter tenant_id is not a UUID')
  }
  const subjectToken = required(parameters, 'subject_token')
  checkTypes(context, parameters)
  if (parameters.has('actor_token')) {
    throw new OAuthError('invalid_request', 'Another tenant and another actor are two exchanges')
  }
  const token = await readOwnToken(subjectToken, context)
  // A service is its own subject, and has one tenant.
  if (token === undefined || token.clientId !== client.clientId || token.subject === token.clientId) {
    throw wrongSubjectToken()
  }
  const scope = toScope(parameters.get('scope'), token.scope.split(' '))
  const person = await store.findPerson(token.subject, tenantId)
  if (person === undefined) throw wrongSubjectToken()
  const claims = await ownClaimsOf(context, person)
  const signer = await prepareSigner(context, token.expiresAt)
  // It has expired since it was read.
  if (signer === undefined) throw wrongSubjectToken()
  const { sid, subject: userId } = token
  const now = await store.extendSession({ sid, userId, clientId: client.clientId, tenantId }, lifetimes)
  if (now === undefined) throw wrongSubjectToken()
  const { act } = token.claims
  return signFor(
    context,
    signer,
    { client, sid, scope, claims, person: now, act },
    { issuedTokenType: accessTokenType },
  )
}

/**
 * RFC 8693: a token of the same subject and session for an agent, which allows no more than the one that is handed in, and
 * ends with it or sooner. It acts for the subject as the client that asks, or as the subject of `actor_token`.
 */
async function narrow(context: IssuerContext, { client, parameters }: GrantRequest): Promise<TokenResponse> {
  const subjectToken = required(parameters, 'subject_token')
  checkTypes(context, parameters)
  const token = await readOwnToken(subjectToken, context)
  if (token === undefined || !mayHandIn(client, token)) throw wrongSubjectToken()
  const actor = await readActor(context, client, parameters)
  const asked = narrowClaims(token.claims, { actor, scope: parameters.get('scope') })
  const scope = narrowScope(asked.scope, withOwnOf(client, asked.scope))
  if ((await context.store.findSession(token.sid)) === undefined) throw wrongSubjectToken()
  const signer = await prepareSigner(
    context,
    Math.min(token.expiresAt, Math.floor(context.now() / 1000) + narrowedSeconds),
  )
  if (signer === undefined) throw wrongSubjectToken()
  const claims = { ...asked, scope }
  return signClaims(
    context,
    signer,
    { subject: token.subject, client, scope, claims },
    { issuedTokenType: accessTokenType },
  )
}

/** Whoever has no secret may be anybody, and hands in its own tokens alone. */
function mayHandIn(client: Client, token: AccessToken): boolean {
  return client.secretHash !== undefined || token.clientId === client.clientId
}

async function readActor(context: IssuerContext, client: Client, parameters: Parameters): Promise<string> {
  const given = parameters.get('actor_token')
  if (given === undefined) {
    if (!parameters.has('actor_token_type')) return client.clientId
    throw new OAuthError('invalid_request', 'There is an actor_token_type without an actor_token')
  }
  if (required(parameters, 'actor_token_type') !== accessTokenType) {
    throw new OAuthError('invalid_request', 'The actor token has to be an access token')
  }
  const actor = await readOwnToken(given, context)
  if (actor === undefined || !mayHandIn(client, actor) || (await context.store.findSession(actor.sid)) === undefined) {
    throw new OAuthError('invalid_grant', 'The actor token is not good here')
  }
  return actor.subject
}

/** The scopes themselves, and those of ours that the client is limited to. */
function withOwnOf({ scopes }: Client, scope: string): string {
  return [...scope.split(' ').filter((word) => !isOwnScope(word)), ...scopes.filter(isOwnScope)].join(' ')
}

function checkTypes(context: IssuerContext, parameters: Parameters): void {
  if (required(parameters, 'subject_token_type') !== accessTokenType) {
    throw new OAuthError('invalid_request', 'Only access tokens can be exchanged')
  }
  if ((parameters.get('requested_token_type') ?? accessTokenType) !== accessTokenType) {
    throw new OAuthError('invalid_request', 'Only access tokens are given in exchange')
  }
  const targets = [parameters.get('resource'), parameters.get('audience')]
  if (targets.some((target) => target !== undefined && target !== context.audience)) {
    throw new OAuthError('invalid_target', 'Tokens are for the one audience of this issuer')
  }
}

/**
 * What is asked for, within what may be had.
 *
 * @param allowed in the order in which they are granted when nothing is asked for
 */
function toScope(asked: string | undefined, allowed: readonly string[]): string {
  return asked === undefined ? allowed.join(' ') : narrowScope(asked, allowed.join(' '))
}

function wrongCredentials(): OAuthError {
  return new OAuthError('invalid_grant', 'The address or the password is wrong')
}

function wrongRefreshToken(): OAuthError {
  return new OAuthError('invalid_grant', 'The refresh token is unknown, expired, of another client, or was used before')
}

function wrongSubjectToken(): OAuthError {
  return new OAuthError(
    'invalid_grant',
    'The subject token is not good here: it is none of ours, of another client, over, or not of this tenant',
  )
}
