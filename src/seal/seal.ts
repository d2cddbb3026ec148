/**
 * Seals verified claims into the one setting that `rowpass.session()` believes.
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

/** The setting that carries the seal; see `migrations/0001_sealed_session.sql`. */
export const sealSetting = 'rowpass.session'

/**
 * Seals one identity for one database role.
 *
 * The result goes to PostgreSQL as a bind parameter of `set_config('rowpass.session', $1, true)`, never into SQL text.
 * Does NOT check the claims: the caller has verified the token that they came from.
 *
 * @param role the database role; the seal is refused under any other. No dot in it.
 * @param claimsJson the claims exactly as they were signed: a JSON object with a numeric `exp`
 * @returns `<hex mac>.<key name>.<role>.<claimsJson>`
 * @see RFC 2104
 */
export function sealSession(key: SealKey, role: string, claimsJson: string): string {
  const message = `${key.name}.${role}.${claimsJson}`
  const mac = createHmac('sha256', key.secret).update(message, 'utf8').digest('hex')
  return `${mac}.${message}`
}
