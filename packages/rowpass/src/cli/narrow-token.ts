/**
 * `rowpass token --narrow`: what of a token, or of claims that are given, an agent gets.
 */
import { Failure } from '../errors.ts'
import { narrowClaims } from '../issuer/narrow.ts'
import { OAuthError } from '../issuer/oauth-error.ts'
import { readOwnClaims } from '../issuer/own-token.ts'
import type { KeySource } from '../token/key-source.ts'
import type { Io } from './io.ts'
import { readSource } from './why-token.ts'

/** How a token is narrowed. */
export interface NarrowOptions {
  readonly act: string
  readonly scope: string
  readonly minutes: number
  readonly maxRows?: number | undefined
}

/** Whom a token is of, before it is narrowed. */
export interface TokenSubject {
  readonly subject: string
  readonly claims: Readonly<Record<string, unknown>>
  /** Seconds since 1970; undefined where nothing ends before the narrowed token does. */
  readonly expiresAt?: number | undefined
}

/**
 * Reads the token that is to be narrowed.
 *
 * @param source `-` or `@file`
 * @throws Failure `input_invalid` when it cannot be read, or is not one that these keys have signed for this audience
 */
export async function readSubjectToken(
  io: Io,
  source: string,
  { issuer, audience, keys }: { readonly issuer: string; readonly audience: string; readonly keys: KeySource },
): Promise<TokenSubject> {
  const claims = await readOwnClaims((await readSource(io, source)).trim(), { issuer, audience, keys })
  if (claims === undefined) {
    const detail = `the token is none of ${issuer} for ${audience}, is not signed with a key of this folder, or has expired`
    throw new Failure('input_invalid', { detail })
  }
  return { subject: String(claims.sub), claims, expiresAt: claims.exp }
}

/**
 * What the narrowed token says, and for how long.
 * @throws Failure `input_invalid` for scopes that are none, or that the token does not have
 */
export function narrow(
  { claims, expiresAt = Number.POSITIVE_INFINITY }: TokenSubject,
  { act, scope, minutes, maxRows }: NarrowOptions,
): { readonly claims: Readonly<Record<string, unknown>>; readonly ttlSeconds: number } {
  const asked = maxRows === undefined ? scope : `${scope} rows:${maxRows}`
  const ttlSeconds = Math.min(minutes * 60, expiresAt - Math.floor(Date.now() / 1000))
  try {
    return { claims: narrowClaims(claims, { actor: act, scope: asked }), ttlSeconds }
  } catch (error) {
    if (!(error instanceof OAuthError)) throw error
    throw new Failure('input_invalid', { detail: `--scope: ${error.message}`, cause: error })
  }
}
