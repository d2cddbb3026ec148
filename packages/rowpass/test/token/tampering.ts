/**
 * Tampered tokens against the real verifier, with every algorithm at once.
 */
import { toJwks } from '../../src/token/jwks.ts'
import { createRandom, mutate } from './mutations.ts'
import { eitherVerify } from './operations.ts'
import * as t from './test-issuer.ts'

/** What came of a run. */
export interface TamperingReport {
  readonly tried: number
  /** Tokens that were accepted and must not have been, at most ten of them. */
  readonly accepted: readonly { readonly name: string; readonly text: string }[]
  /** How many there were of each kind. */
  readonly byName: ReadonlyMap<string, number>
  /** How many were refused for each reason. */
  readonly byReason: ReadonlyMap<string, number>
}

/** @param onProgress called after each thousand; gives whether to go on */
export async function tamper(
  count: number,
  seed: number,
  onProgress: (tried: number) => boolean = () => true,
): Promise<TamperingReport> {
  const algorithms = ['ES256', 'RS256', 'PS256', 'EdDSA'] as const
  const keys = await Promise.all(algorithms.map((alg) => t.keyNamed(`tampering ${alg}`, alg)))
  const stranger = await t.keyNamed('tampering by a stranger')
  const fetch = async () => Response.json(toJwks(keys.map(({ publicJwk }) => publicJwk)))
  const jwksUrl = new URL('https://issuer.test/jwks.json')
  // Each invented kid would wait a second for its fetch; the verifier's clock is moved instead.
  const verifier = t.verifierOf([t.trusted(jwksUrl, { algorithms, maxTtlSeconds: 2_592_000 })], {
    now: () => verifier.clock.ms,
    fetch,
    verifyOperation: eitherVerify,
  })
  const valid = keys.flatMap((key) => ['ada', 'bob'].map((sub) => t.tokenOf(key, { sub, exp: t.NOW + 2_592_000 })))
  for (const token of valid) await verifier.verify(token)

  const box = { valid, keys, stranger, below: createRandom(seed) }
  const accepted: { name: string; text: string }[] = []
  const [byName, byReason] = [new Map<string, number>(), new Map<string, number>()]
  const add = (counts: Map<string, number>, name: string) => counts.set(name, (counts.get(name) ?? 0) + 1)
  let tried = 0
  for (; tried < count && (tried % 1000 > 0 || onProgress(tried)); tried++) {
    const { name, text } = mutate(box)
    verifier.clock.ms += 2_000
    verifier.events.length = 0
    add(byName, name)
    const reason = await refusalOf(verifier, text)
    if (reason !== undefined) add(byReason, reason)
    else if (accepted.length < 10) accepted.push({ name, text })
  }
  return { tried, accepted, byName, byReason }
}

/** The reason of a refusal; undefined when the token was accepted. Anything but an ordinary refusal is thrown on. */
async function refusalOf(verifier: t.TestVerifier, text: string): Promise<string | undefined> {
  try {
    await verifier.verify(text)
    return undefined
  } catch (error) {
    const { code, cause } = error as { code?: string; cause?: { reason?: string } }
    if (code === undefined || code === 'internal' || cause?.reason === undefined) throw error
    return cause.reason
  }
}
