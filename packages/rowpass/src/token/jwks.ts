/** The JSON Web Key Set document: what others verify our tokens with. */
import { Failure, OptionError } from '../errors.ts'
import { algorithms } from './algorithms.ts'
import { type PublicJwk, toPublicJwk } from './key.ts'

/**
 * Seconds for which a verifier may keep the key set, unless a ring says otherwise. A new key is published at least this
 * long before it signs: what is served and what the rotation waits for are this one number.
 */
export const jwksMaxAgeSeconds = 300

/** A key set as it is published (RFC 7517 §5). */
export interface Jwks {
  readonly keys: PublicJwk[]
}

/**
 * Makes the document to publish.
 *
 * Copies the public members alone, so a private key that reached this point by a cast still does not get out.
 * Does NOT check the keys: they are {@link toPublicJwk}'s.
 *
 * @throws OptionError when two keys have one `kid`
 * @see RFC 7517 §5
 * @example
 * const { publicJwk } = await generateKey()
 * const jwks = toJwks([publicJwk])
 */
export function toJwks(keys: readonly PublicJwk[]): Jwks {
  if (new Set(keys.map(({ kid }) => kid)).size !== keys.length) throw new OptionError('two keys have the same kid')
  return { keys: keys.map(copyPublic) }
}

/**
 * Reads a configured public key or set of keys, and cuts each down to its public members.
 *
 * @param input a JWK or a JWKS, as an object or as JSON text; an empty set is refused
 * @throws Failure `key_invalid` when a key cannot be used, or two are the same
 * @example
 * const { keys } = await parseJwks(process.env.PUBLIC_KEY)
 */
export async function parseJwks(input: unknown): Promise<Jwks> {
  const value = typeof input === 'string' ? parseJson(input) : input
  const members: readonly unknown[] = hasKeys(value) ? value.keys : [value]
  if (members.length === 0) throw new Failure('key_invalid', { detail: 'The key set is empty' })
  const keys = await Promise.all(members.map(toPublicJwk))
  if (new Set(keys.map(({ kid }) => kid)).size !== keys.length) {
    throw new Failure('key_invalid', { detail: 'The key set holds one key twice' })
  }
  return toJwks(keys)
}

function copyPublic(key: PublicJwk): PublicJwk {
  const { kty, use, alg, kid } = key
  const material: { [Member in 'crv' | 'x' | 'y' | 'n' | 'e']?: string } = {}
  for (const member of algorithms[alg].publicMembers) {
    const value = key[member]
    if (value !== undefined) material[member] = value
  }
  return { kty, use, alg, kid, ...material }
}

function hasKeys(value: unknown): value is { keys: readonly unknown[] } {
  return typeof value === 'object' && value !== null && 'keys' in value && Array.isArray(value.keys)
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new Failure('key_invalid', { detail: 'The key is not JSON' })
  }
}
