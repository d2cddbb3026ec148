/**
 * Reads access tokens of this issuer: for an exchange, for introspection, and at its own endpoints.
 */
import { createLocalJWKSet, errors, type JSONWebKeySet, jwtVerify } from 'jose'
import { ownAlgorithms } from '../token/algorithms.ts'
import type { KeySource } from '../token/key-source.ts'
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
 * Verifies a token that this issuer has signed.
 *
 * Does NOT ask whether its session is alive.
 *
 * @returns undefined for whatever is wrong with it: another issuer's, expired, not a token
 */
export async function readOwnToken(token: string, options: OwnTokenOptions): Promise<AccessToken | undefined> {
  if (token.length > maxTokenLength) return undefined
  const { keys } = await options.keys.jwks()
  try {
    // The cast is between two declarations of the same document.
    const { payload } = await jwtVerify(token, createLocalJWKSet({ keys } as unknown as JSONWebKeySet), {
      issuer: options.issuer,
      audience: options.audience,
      typ: 'at+jwt',
      algorithms: [...ownAlgorithms],
      requiredClaims: ['sub', 'exp', 'iat', 'jti', 'client_id', 'sid'],
      currentDate: new Date((options.now ?? Date.now)()),
    })
    const text = (name: string) => (typeof payload[name] === 'string' ? payload[name] : undefined)
    const { exp = 0, iat = 0 } = payload
    return {
      subject: text('sub') ?? '',
      clientId: text('client_id') ?? '',
      sid: text('sid') ?? '',
      scope: text('scope') ?? '',
      tenantId: text('tenant_id'),
      role: text('role'),
      issuedAt: iat,
      expiresAt: exp,
      tokenId: text('jti') ?? '',
    }
  } catch (error) {
    if (error instanceof errors.JOSEError) return undefined
    throw error
  }
}
