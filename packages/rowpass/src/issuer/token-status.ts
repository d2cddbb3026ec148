/**
 * What becomes of tokens after they were issued: revocation (RFC 7009) and introspection (RFC 7662).
 */
import { OAuthError } from './oauth-error.ts'
import { readOwnToken } from './own-token.ts'
import { hashSecret } from './secret.ts'
import type { Client } from './store.ts'
import type { IssuerContext } from './token-response.ts'

/** The form of our refresh tokens; access tokens have dots. */
const opaque = /^[\w-]{43}$/

/**
 * Ends the session of a token, and with it every token of that session. For a token of a service: all that it has.
 *
 * A token that is unknown or over is no error, as there is nothing left to do.
 *
 * @throws OAuthError `unauthorized_client` when it is another client's (RFC 7009 §2.1); `unsupported_token_type` for a
 *   narrowed one, whose holder may not sign its subject out
 */
export async function revokeToken(context: IssuerContext, client: Client, token: string): Promise<void> {
  const session = opaque.test(token)
    ? await context.store.findRefresh(await hashSecret(token))
    : await findLive(context, token)
  if (session === undefined) return
  if (session.clientId !== client.clientId) {
    throw new OAuthError('unauthorized_client', 'The token was issued to another client')
  }
  if ('narrowing' in session && session.narrowing !== undefined) {
    throw new OAuthError('unsupported_token_type', 'A narrowed token ends by itself, within minutes')
  }
  if (session.userId === undefined) await context.store.endService(client.clientId)
  else await context.store.endSession(session.sid)
}

async function findLive(context: IssuerContext, token: string) {
  const read = await readOwnToken(token, context)
  const session = read && (await context.store.findSession(read.sid))
  return read && session && { ...session, sid: read.sid, narrowing: read.narrowing }
}

/** An answer of introspection. */
export type Introspection = Readonly<Record<string, unknown>>

const inactive: Introspection = { active: false }

/**
 * Says whether a token is good, and what it says. Whatever is wrong with it, the answer is `{"active":false}` alone.
 *
 * A client that belongs to a tenant learns nothing of other tenants' tokens.
 *
 * @throws OAuthError `invalid_client` for a client without a secret: anybody could be it
 */
export async function introspectToken(context: IssuerContext, client: Client, token: string): Promise<Introspection> {
  if (client.secretHash === undefined) {
    throw new OAuthError('invalid_client', 'Introspection is for clients with a secret')
  }
  const found = opaque.test(token) ? await introspectRefresh(context, token) : await introspectAccess(context, token)
  if (found === undefined) return inactive
  if (client.tenantId !== undefined && found.tenant_id !== client.tenantId) return inactive
  return found
}

async function introspectAccess(context: IssuerContext, token: string): Promise<Introspection | undefined> {
  const read = await readOwnToken(token, context)
  if (read === undefined || (await context.store.findSession(read.sid)) === undefined) return undefined
  return {
    active: true,
    token_type: 'Bearer',
    iss: context.issuer,
    aud: context.audience,
    sub: read.subject,
    client_id: read.clientId,
    ...(read.scope !== '' && { scope: read.scope }),
    iat: read.issuedAt,
    exp: read.expiresAt,
    jti: read.tokenId,
    sid: read.sid,
    ...(read.tenantId !== undefined && { tenant_id: read.tenantId }),
    ...(read.role !== undefined && { role: read.role }),
    ...(read.claims.act !== undefined && { act: read.claims.act }),
  }
}

async function introspectRefresh(context: IssuerContext, token: string): Promise<Introspection | undefined> {
  const session = await context.store.findRefresh(await hashSecret(token))
  if (session === undefined || session.used || session.person === undefined) return undefined
  return {
    active: true,
    iss: context.issuer,
    sub: session.userId,
    client_id: session.clientId,
    ...(session.scope !== '' && { scope: session.scope }),
    exp: session.expiresAt,
    sid: session.sid,
    ...(session.person.tenantId !== undefined && { tenant_id: session.person.tenantId }),
    ...(session.person.role !== undefined && { role: session.person.role }),
  }
}
