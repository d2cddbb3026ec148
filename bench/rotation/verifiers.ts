/**
 * Three who verify tokens in the drill. Each says whether it takes one.
 */
import { createLocalJWKSet, createRemoteJWKSet, type JSONWebKeySet, jwtVerify } from 'jose'
import { maxAgeSeconds, type Subject, scale } from './subject.ts'

/** Names of the verifiers, in the order of the table. */
export const verifierNames = ['jose', 'gateway', 'slow cache'] as const

/** One of the three. */
export type VerifierName = (typeof verifierNames)[number]

/** Says whether a token of one issuer is taken. */
export type Verify = (token: string) => Promise<boolean>

/** jose's remote set with its defaults, in scaled time: ten minutes in the cache, half a minute between two fetches. */
export function createJoseVerifier({ jwksUrl }: Subject): Verify {
  const options = { cacheMaxAge: 600_000 / scale, cooldownDuration: 30_000 / scale }
  const keys = createRemoteJWKSet(new URL(jwksUrl), options)
  return (token) => taken(jwtVerify(token, keys))
}

/** Keeps the key set for exactly the max-age, and asks for no unknown key before, as a proxy or a CDN in between would. */
export function createSlowVerifier({ jwksUrl }: Subject): Verify {
  let keys: Promise<ReturnType<typeof createLocalJWKSet>> | undefined
  let staleAt = 0
  return async (token) => {
    if (keys === undefined || performance.now() >= staleAt) {
      staleAt = performance.now() + maxAgeSeconds * 1000
      keys = fetch(jwksUrl).then(async (response) => createLocalJWKSet((await response.json()) as JSONWebKeySet))
    }
    return taken(keys.then((set) => jwtVerify(token, set)))
  }
}

/** The real gateway, with a statement that needs an identity. */
export function createGatewayVerifier(gatewayUrl: string, connectionString: string): Verify {
  return async (token) => {
    const ask = () =>
      fetch(gatewayUrl, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}`, 'neon-connection-string': connectionString },
        body: JSON.stringify({ query: 'select auth.user_id()', params: [] }),
      })
    // A kept-alive connection may be closed just as it is used; that is no answer.
    const response = await ask().catch(ask)
    await response.arrayBuffer()
    return response.status === 200
  }
}

async function taken(work: Promise<unknown>): Promise<boolean> {
  return work.then(
    () => true,
    () => false,
  )
}
