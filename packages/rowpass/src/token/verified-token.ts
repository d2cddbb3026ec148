/**
 * What is left of a token once it was verified, and how others tell that from claims that look like it.
 */

import type { Narrowing } from './narrowing.ts'

/** Who a token says its bearer is. Frozen in depth, as requests with one token share it. */
export interface VerifiedToken {
  readonly iss: string
  readonly sub: string
  /** Empty where the token names no key. */
  readonly kid: string
  readonly jti: string | undefined
  /** Seconds since the epoch; may have a fraction. */
  readonly exp: number
  /** `exp`, and how far the clock of the issuer may differ. */
  readonly acceptedUntil: number
  /** From the claim that the issuer's settings name, where it is a text or a number. */
  readonly tenant: string | number | undefined
  /** The database role, from the configuration of the issuer. */
  readonly role: string
  /** What the token is narrowed to; undefined for one that allows all that its subject may. */
  readonly narrowing: Narrowing | undefined
  readonly claims: Readonly<Record<string, unknown>>
  /** The payload exactly as it was signed, and a text that PostgreSQL accepts as `jsonb`. */
  readonly claimsJson: string
}

/** How far the clock of an issuer may differ where nothing else is configured. */
export const usualLeewaySeconds = 30

/**
 * Until when a seal is to be good, before the minute that it adds itself: with the usual leeway it is `exp`; with more, a
 * token must not outlive its seal.
 */
export function sealedUntil({ acceptedUntil }: Pick<VerifiedToken, 'acceptedUntil'>): number {
  return acceptedUntil - usualLeewaySeconds
}

const made = new WeakSet<object>()

/** Remembers that a verifier has made it. */
export function markVerified(token: VerifiedToken): VerifiedToken {
  made.add(token)
  return token
}

/** Whether a verifier has made it: claims with the same members may come from whoever wrote the token. */
export function isVerifiedToken(value: object): value is VerifiedToken {
  return made.has(value)
}
