/**
 * SCRAM-SHA-256 verifiers (RFC 5802 §3, RFC 7677), so that a password is set without the server ever reading it.
 */
import { createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto'

const iterations = 4096

/**
 * Computes what PostgreSQL stores for a password; `ALTER ROLE … PASSWORD '<verifier>'` takes it as it is.
 *
 * Does NOT apply SASLprep: give ASCII passwords.
 *
 * @param password ASCII
 * @param salt 16 bytes, random by default
 * @returns `SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>`; holds no quote or backslash
 * @throws TypeError when the password is empty or not printable ASCII
 */
export function scramVerifier(password: string, salt: Uint8Array = randomBytes(16)): string {
  if (!/^[\x20-\x7e]+$/.test(password)) throw new TypeError('a password is printable ASCII and not empty')
  const salted = pbkdf2Sync(password, salt, iterations, 32, 'sha256')
  const storedKey = createHash('sha256').update(hmac(salted, 'Client Key')).digest('base64')
  const serverKey = hmac(salted, 'Server Key').toString('base64')
  return `SCRAM-SHA-256$${iterations}:${Buffer.from(salt).toString('base64')}$${storedKey}:${serverKey}`
}

function hmac(key: Uint8Array, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest()
}
