/**
 * From a grant that was found good to the answer that holds its tokens.
 */
import type { KeySource } from '../keys/key-source.ts'
import { checkOwnClaims, type OwnClaims } from './claims.ts'
import { issueToken } from './issue.ts'
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
}

/** The application's claims for a person. Asked for before anything is stored, so that a failure leaves nothing behind. */
export async function ownClaimsOf(context: IssuerContext, person: Person): Promise<OwnClaims> {
  return checkOwnClaims(await context.claimsFor(person))
}

/** What an answer has besides its access token. */
export interface Extras {
  readonly refreshToken?: string | undefined
  readonly issuedTokenType?: string
  /** Lifetime of the access token, in the place of the usual one, which it is not above. */
  readonly ttlSeconds?: number
}

/** Signs the access token (RFC 9068 §2.2) and writes the answer. */
export async function signFor(
  { issuer, audience, keys, lifetimes, now }: IssuerContext,
  { client, sid, scope, claims, person }: TokenGrant,
  { refreshToken, issuedTokenType, ttlSeconds = lifetimes.accessSeconds }: Extras = {},
): Promise<TokenResponse> {
  const tenantId = person === undefined ? client.tenantId : person.tenantId
  const role = person === undefined ? client.role : person.role
  const token = await issueToken(
    await keys.signingKey(ttlSeconds),
    {
      issuer,
      audience,
      subject: person?.userId ?? client.clientId,
      clientId: client.clientId,
      ttlSeconds,
      claims: {
        ...claims,
        ...(scope !== '' && { scope }),
        sid,
        ...(tenantId !== undefined && { tenant_id: tenantId }),
        ...(role !== undefined && { role }),
      },
    },
    { now },
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
