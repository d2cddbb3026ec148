/**
 * Secrets that the issuer hands out: 256 random bits each, of which only the SHA-256 is kept. Nobody can guess them, so
 * a slow hash would add nothing.
 */
/** A SHA-256 in lower-case hex. */
export type SecretHash = string

/**
 * Makes a secret: 43 characters of base64url.
 *
 * @example
 * const clientSecret = createSecret()
 * const stored = await hashSecret(clientSecret)
 */
export function createSecret(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(32))
  return btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '')
}

/**
 * What is kept of a secret. Also how accounts and addresses are named in the table of attempts.
 *
 * @example
 * const stored = await hashSecret(createSecret())
 */
export async function hashSecret(text: string): Promise<SecretHash> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text))
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('')
}

/**
 * Compares two hashes in a time that does not depend on where they differ.
 *
 * @example
 * const known = sameHash(await hashSecret(presented), storedHash)
 */
export function sameHash(a: SecretHash, b: SecretHash): boolean {
  let difference = a.length ^ b.length
  for (let at = 0; at < a.length; at++) difference |= a.charCodeAt(at) ^ b.charCodeAt(at)
  return difference === 0
}
