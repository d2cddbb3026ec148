/**
 * Seals verified claims into the settings that `rowpass.session()` reads.
 * The SQL side that checks the seal is in `migrations/`; both follow the format described there.
 */
import { createHmac } from 'node:crypto'

/** An HMAC-SHA256 key with a name, so that two can be valid while one replaces the other. */
export interface SealKey {
  /** 1–32 characters of `a-z 0-9 _ -`. */
  readonly name: string
  /** 32 bytes. */
  readonly secret: Uint8Array
}

/** What goes into the two settings that `rowpass.session()` reads, as bind parameters and never as SQL text. */
export interface SealedSession {
  /** `rowpass.claims`: the claims as they were signed. */
  readonly claims: string
  /** `rowpass.seal`: `<hex mac>:<key name>:<role>:<exp>`. */
  readonly seal: string
}

/** An identity that was verified, for one database role. */
export interface SealedIdentity {
  /** The database role; the seal is refused under any other. */
  readonly role: string
  /** Seconds since the epoch. */
  readonly exp: number
  /** The claims exactly as they were signed: a JSON object. */
  readonly claimsJson: string
}

/**
 * Seals one identity.
 *
 * Does NOT check the claims, nor that `exp` is the one among them: the caller has verified the token they came from.
 * @throws TypeError for a role with a colon, which would end it early
 * @see RFC 2104
 */
export function sealSession(key: SealKey, { role, exp, claimsJson }: SealedIdentity): SealedSession {
  if (role.includes(':')) throw new TypeError('a role with a colon cannot be sealed')
  const header = `${key.name}:${role}:${exp}`
  const mac = createHmac('sha256', key.secret).update(`${header}:${claimsJson}`, 'utf8').digest('hex')
  return { claims: claimsJson, seal: `${mac}:${header}` }
}
