/**
 * Seals verified claims into the settings that `rowpass.claims()` reads.
 * The SQL side that checks the seal is `sql/claims.sql`; both follow the format described there.
 */
import { createHash, createHmac } from 'node:crypto'

/** An HMAC-SHA256 key with a name, so that two can be valid while one replaces the other. */
export interface SealKey {
  /** 1–32 characters of `a-z 0-9 _ -`. */
  readonly name: string
  /** 32 bytes. */
  readonly secret: Uint8Array
}

/** What goes into the two settings that `rowpass.claims()` reads, as bind parameters and never as SQL text. */
export interface SealedSession {
  /** `rowpass.claims`: the claims as they were signed. */
  readonly claims: string
  /** `rowpass.seal`: `x<mac>;:<key name>:<good until>:<session>:`. */
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
  /** The claim `sid`. A text makes a session that can be ended; anything else is as none. */
  readonly sid?: unknown
}

/** For how long a seal outlives its token, in seconds: the clocks of gateway and database may differ. */
const graceSeconds = 60
const uuid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

/**
 * Seals one identity.
 *
 * Does NOT check the claims, nor that `exp` and `sid` are those among them: the caller has verified the token they came
 * from.
 * @throws TypeError for a role with a colon, which would end it early
 * @see RFC 2104
 */
export function sealSession(key: SealKey, { role, exp, claimsJson, sid }: SealedIdentity): SealedSession {
  if (role.includes(':')) throw new TypeError('a role with a colon cannot be sealed')
  const header = `:${key.name}:${exp + graceSeconds}:${toSessionId(sid)}:`
  const mac = createHmac('sha256', key.secret).update(`${role}:${header}${claimsJson}`, 'utf8').digest('hex')
  return { claims: claimsJson, seal: `x${mac};${header}` }
}

/** Whether it names a session, which somebody may have ended. */
export function namesSession({ seal }: Pick<SealedSession, 'seal'>): boolean {
  return !seal.endsWith('::')
}

/** The same as `rowpass.session_id()` in SQL; empty for what is no session. */
function toSessionId(sid: unknown): string {
  if (typeof sid !== 'string' || sid === '') return ''
  return uuid.test(sid) ? sid : createHash('sha256').update(sid, 'utf8').digest('hex').slice(0, 32)
}
