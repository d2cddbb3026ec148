/**
 * Reads access tokens of this issuer: for an exchange, for introspection, and at its own endpoints.
 */
import { createLocalJWKSet, errors, type JSONWebKeySet, jwtVerify } from 'jose'
import { ownAlgorithms } from '../token/algorithms.ts'
import type { KeySource } from '../token/key-source.ts'
import { type Narrowing, readNarrowing } from '../token/narrowing.ts'
import { TokenRefusal } from '../token/refusal.ts'
import { maxTokenLength } from '../token/token-limits.ts'

/** What a token of ours says. */
export interface AccessToken {
  readonly subject: string
  readonly clientId: string
  readonly sid: string
  readonly scope: string
  readonly tenantId: string | undefined
  readonly role: string | undefined
  /** Seconds since 1970. */
  readonly issuedAt: number
  readonly expiresAt: number
  readonly tokenId: string
  /** What it is narrowed to; undefined for a token that allows all that its subject may. */
  readonly narrowing: Narrowing | undefined
  /** Everything that it says. */
  readonly claims: Readonly<Record<string, unknown>>
}

/** How it is to read. */
export interface OwnTokenOptions {
  readonly issuer: string
  readonly audience: string
  readonly keys: KeySource
  /** The time in milliseconds. Default `Date.now`. */
  readonly now?: () => number
}

/**
 * Verifies a token that this issuer has signed for a session of its own.
 *
 * Does NOT ask whether its session is alive.
 *
 * @returns undefined for whatever is wrong with it: another issuer's, expired, not a token, without a session
 */
export async function readOwnToken(token: string, options: OwnTokenOptions): Promise<AccessToken | undefined> {
  const claims = await readOwnClaims(token, options)
  if (claims?.sid === undefined || claims.jti === undefined) return undefined
  const text = (name: string) => (typeof claims[name] === 'string' ? claims[name] : undefined)
  try {
    return {
      subject: text('sub') ?? '',
      clientId: text('client_id') ?? '',
      sid: text('sid') ?? '',
      scope: text('scope') ?? '',
      tenantId: text('tenant_id'),
      role: text('role'),
      issuedAt: claims.iat,
      expiresAt: claims.exp,
      tokenId: text('jti') ?? '',
      narrowing: readNarrowing(claims.act, claims.scope),
      claims,
    }
  } catch (error) {
    if (error instanceof TokenRefusal) return undefined
    throw error
  }
}

/** Claims of a token that was verified. */
export type OwnTokenClaims = Readonly<Record<string, unknown>> & { readonly iat: number; readonly exp: number }

/**
 * Verifies a token that one of the keys has signed, of a session or not.
 *
 * @returns its claims; undefined for whatever is wrong with it
 */
export async function readOwnClaims(token: string, options: OwnTokenOptions): Promise<OwnTokenClaims | undefined> {
  if (token.length > maxTokenLength) return undefined
  const { keys } = await options.keys.jwks()
  try {
    // The cast is between two declarations of the same document.
    const { payload } = await jwtVerify(token, createLocalJWKSet({ keys } as unknown as JSONWebKeySet), {
      issuer: options.issuer,
      audience: options.audience,
      typ: 'at+jwt',
      algorithms: [...ownAlgorithms],
      requiredClaims: ['sub', 'exp', 'iat', 'client_id'],
      currentDate: new Date((options.now ?? Date.now)()),
    })
    return { ...payload, iat: payload.iat ?? 0, exp: payload.exp ?? 0 }
  } catch (error) {
    if (error instanceof errors.JOSEError) return undefined
    throw error
  }
}
