/**
 * The way to the database without a gateway: the caller's token is verified here, and who it is of is sealed for PostgreSQL.
 */
import type { KeySource } from 'rowpass/issuer'
import { createSeal, type RequestIdentity } from 'rowpass/seal'
import { createVerifier, Failure } from 'rowpass/verify'

/**
 * Verifies a token and seals the identity that it proves.
 *
 * @throws Failure those of a verifier: `token_invalid`, `token_expired`, `keys_unavailable`; those of the source of keys;
 *   `scope_refused` for a narrowed token, which nothing here would hold to its scopes
 */
export type Identify = (token: string) => Promise<RequestIdentity>

/** Whose tokens count, and what seals. */
export interface SealingSettings {
  /** `iss` of the tokens. */
  readonly issuer: string
  /** `aud` of the tokens. */
  readonly audience: string
  /** The keys of this API. Where it has none another service issues the tokens, and its keys are fetched. */
  readonly keys: KeySource
  /** `name:secret[,name:secret…]`. */
  readonly sealKeys: string
  /** The database role of the callers. Default `authenticated`. */
  readonly role?: string
}

/**
 * Makes it. Identities are remembered while their seal is good; tokens are verified each time.
 *
 * @throws OptionError when a seal key is none; no secret is in the message
 */
export function createIdentify({
  issuer,
  audience,
  keys,
  sealKeys,
  role = 'authenticated',
}: SealingSettings): Identify {
  const seal = createSeal({ keys: sealKeys })
  return async (token) => {
    const own = await keys.jwks()
    // Not over the network, where a Worker cannot ask itself; so any address will do.
    const fromHere = {
      jwksUrl: `${issuer}/.well-known/jwks.json`,
      fetch: async () => Response.json({ keys: own.keys }),
      allowPrivateNetwork: true,
    }
    // One for each request: on Workers no request can wait for what another one fetches.
    const verifier = createVerifier({ issuer, audience, role, cacheSize: 0, ...(own.keys.length > 0 && fromHere) })
    const verified = await verifier.verify(token)
    if (verified.narrowing !== undefined) throw new Failure('scope_refused')
    return seal(verified)
  }
}
