/**
 * From a grant that was found good to the answer that holds its tokens.
 */
import type { SigningKey } from '../token/key.ts'
import type { KeySource } from '../token/key-source.ts'
import { issueToken } from './issue.ts'
import { checkOwnClaims, type OwnClaims } from './own-claims.ts'
import type { Client, IssuerStore, Lifetimes, Person } from './store.ts'

/** What happened, for a log. Holds no token, address or password. */
export type IssuerEvent =
  | { readonly type: 'token_issued'; readonly grant: string; readonly clientId: string }
  | { readonly type: 'request_refused'; readonly error: string; readonly reason: string }
  | { readonly type: 'refresh_token_reused'; readonly clientId: string; readonly sid: string }

/** What every endpoint works with. */
export interface IssuerContext {
  readonly issuer: string
  readonly audience: string
  readonly keys: KeySource
  readonly store: IssuerStore
  readonly claimsFor: (person: Person) => OwnClaims | Promise<OwnClaims>
  readonly lifetimes: Lifetimes
  readonly now: () => number
  readonly emit: (event: IssuerEvent) => void
}

/** A successful answer (RFC 6749 §5.1, RFC 8693 §2.2.1). */
export interface TokenResponse {
  readonly access_token: string
  readonly token_type: 'Bearer'
  /** Seconds. */
  readonly expires_in: number
  readonly scope?: string
  readonly refresh_token?: string
  readonly issued_token_type?: string
}

/** Whom a token is for. */
export interface TokenGrant {
  readonly client: Client
  readonly sid: string
  readonly scope: string
  readonly claims: OwnClaims
  /** Undefined for a service that acts for itself. */
  readonly person: Person | undefined
  /** The claim `act` of the token that it is made of, where that has one. */
  readonly act?: unknown
}

/** What a token says, `sub` and `client_id` beside the rest. */
interface SignableClaims {
  readonly subject: string
  readonly client: Client
  readonly scope: string
  readonly claims: Readonly<Record<string, unknown>>
}

/** The application's claims for a person. Asked for before anything is stored, so that a failure leaves nothing behind. */
export async function ownClaimsOf(context: IssuerContext, person: Person): Promise<OwnClaims> {
  return checkOwnClaims(await context.claimsFor(person))
}

/** What one access token is signed with, and the times in it. */
export interface Signer {
  readonly key: SigningKey
  /** Seconds. */
  readonly ttlSeconds: number
  /** Milliseconds since 1970. */
  readonly issuedAt: number
}

/**
 * Gets the key for one token. Asked for before anything is stored, like the claims: where nothing can be signed, nobody's
 * refresh token is used up. The lifetime counts from here, as the key may be retired while the store is at work.
 *
 * @param expiresAt when the token ends, in seconds since 1970; default the usual lifetime from now
 * @returns undefined when that is over
 */
export async function prepareSigner(context: IssuerContext): Promise<Signer>
export async function prepareSigner(context: IssuerContext, expiresAt: number): Promise<Signer | undefined>
export async function prepareSigner(
  { keys, lifetimes, now }: IssuerContext,
  expiresAt?: number,
): Promise<Signer | undefined> {
  const issuedAt = now()
  const ttlSeconds = expiresAt === undefined ? lifetimes.accessSeconds : expiresAt - Math.floor(issuedAt / 1000)
  return ttlSeconds < 1 ? undefined : { key: await keys.signingKey(ttlSeconds), ttlSeconds, issuedAt }
}

/** What an answer has besides its access token. */
export interface Extras {
  readonly refreshToken?: string | undefined
  readonly issuedTokenType?: string
}

/** Signs the access token (RFC 9068 §2.2) and writes the answer. */
export function signFor(
  context: IssuerContext,
  signer: Signer,
  { client, sid, scope, claims, person, act }: TokenGrant,
  extras: Extras = {},
): Promise<TokenResponse> {
  const tenantId = person === undefined ? client.tenantId : person.tenantId
  const role = person === undefined ? client.role : person.role
  const all = {
    ...claims,
    ...(scope !== '' && { scope }),
    ...(act !== undefined && { act }),
    sid,
    ...(tenantId !== undefined && { tenant_id: tenantId }),
    ...(role !== undefined && { role }),
  }
  return signClaims(context, signer, { subject: person?.userId ?? client.clientId, client, scope, claims: all }, extras)
}

/** Signs an access token whose claims are all there, but for those that the issuer sets for each, and writes the answer. */
export async function signClaims(
  { issuer, audience }: IssuerContext,
  { key, ttlSeconds, issuedAt }: Signer,
  { subject, client, scope, claims }: SignableClaims,
  { refreshToken, issuedTokenType }: Extras = {},
): Promise<TokenResponse> {
  const token = await issueToken(
    key,
    { issuer, audience, subject, clientId: client.clientId, ttlSeconds, claims },
    { now: () => issuedAt },
  )
  return {
    access_token: token,
    token_type: 'Bearer',
    expires_in: ttlSeconds,
    ...(scope !== '' && { scope }),
    ...(refreshToken !== undefined && { refresh_token: refreshToken }),
    ...(issuedTokenType !== undefined && { issued_token_type: issuedTokenType }),
  }
}
