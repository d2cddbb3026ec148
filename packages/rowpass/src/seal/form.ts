/**
 * The form of a seal: what is signed, and what becomes of it. Whoever seals brings the key and the cryptography.
 * The SQL side that checks the seal is `sql/claims.sql`; both follow the format described there.
 */

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

/** The identity that a request runs as. */
export interface RequestIdentity {
  /** Database role, set for the transaction. */
  readonly role: string
  /** The claims and their seal. */
  readonly session: SealedSession
}

/** A session that lacks its MAC. */
export interface SealDraft {
  /** What the MAC is of, in UTF-8. */
  readonly signed: string
  /** @param mac HMAC-SHA256 of `signed`, in hexadecimal digits */
  finish(mac: string): SealedSession
}

/** For how long a seal outlives its token, in seconds: the clocks of gateway and database may differ. */
const graceSeconds = 60
const uuid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

/**
 * Says what is to be signed for an identity.
 *
 * Does NOT check the claims, nor that `exp` is that among them: the caller has verified the token they came from.
 *
 * @param session of {@link toSessionId}
 * @throws TypeError for a role with a colon, which would end it early
 */
export function draftSeal(
  key: Pick<SealKey, 'name'>,
  { role, exp, claimsJson }: SealedIdentity,
  session: string,
): SealDraft {
  if (role.includes(':')) throw new TypeError('a role with a colon cannot be sealed')
  const header = `:${key.name}:${exp + graceSeconds}:${session}:`
  return {
    signed: `${role}:${header}${claimsJson}`,
    finish: (mac) => ({ claims: claimsJson, seal: `x${mac};${header}` }),
  }
}

/**
 * What stands for a sealed session that the database remembers, as the setting `rowpass.seal`: the first 128 bits of its MAC
 * in hexadecimal digits. See `sql/identities.sql`.
 */
export function ticketOf({ seal }: Pick<SealedSession, 'seal'>): string {
  return seal.slice(1, 33)
}

/** Whether it names a session, which somebody may have ended. */
export function namesSession({ seal }: Pick<SealedSession, 'seal'>): boolean {
  return !seal.endsWith('::')
}

/**
 * The same as `rowpass.session_id()` in SQL; empty for what is no session.
 *
 * @param hash the first 32 hexadecimal digits of the SHA-256 of a text in UTF-8; asked for what is no uuid
 */
export function toSessionId<Hash extends string | Promise<string>>(
  sid: unknown,
  hash: (text: string) => Hash,
): string | Hash {
  if (typeof sid !== 'string' || sid === '') return ''
  return uuid.test(sid) ? sid : hash(sid)
}
