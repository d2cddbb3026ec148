/**
 * Where an issuer finds the key that signs now, and the keys to publish. What signs and what publishes ask the same
 * source, so a token is never signed by a key that nobody can find.
 */
import { Failure } from '../errors.ts'
import { type Jwks, jwksMaxAgeSeconds, toJwks } from './jwks.ts'
import type { PublicJwk, SigningKey } from './key.ts'

/** A key set and how long others may keep it. */
export interface PublishedJwks extends Jwks {
  /** Seconds, for `Cache-Control: max-age`. */
  readonly maxAgeSeconds: number
}

/** The keys of an issuer, wherever they are kept. */
export interface KeySource {
  /**
   * The key for one token that is about to be signed. Ask once for each token, and do not keep the key: the next token
   * may be another key's, and a ring counts what it hands out.
   *
   * @param ttlSeconds lifetime of that token; default 900. A key stays published until the longest has expired.
   * @throws Failure `key_missing` when there is no key that may sign
   */
  signingKey(ttlSeconds?: number): Promise<SigningKey>
  /** What to publish now; empty when another service issues the tokens. */
  jwks(): Promise<PublishedJwks>
}

/**
 * One key that never changes, or none, and keys that are only published.
 *
 * @param signingKey its public half is published as well
 * @param published more keys to publish; one that is there twice is published once
 * @example
 * const keys = fixedKeys(await importSigningKey(process.env.PRIVATE_KEY))
 * const issuer = createIssuer({ issuer: 'https://id.example.com', audience: 'api', keys, store })
 */
export function fixedKeys(signingKey: SigningKey | undefined, published: readonly PublicJwk[] = []): KeySource {
  const all = [...published, ...(signingKey ? [signingKey.publicJwk] : [])]
  const jwks = toJwks([...new Map(all.map((key) => [key.kid, key])).values()])
  return {
    async signingKey() {
      if (signingKey === undefined) throw new Failure('key_missing')
      return signingKey
    },
    jwks: async () => ({ ...jwks, maxAgeSeconds: jwksMaxAgeSeconds }),
  }
}
