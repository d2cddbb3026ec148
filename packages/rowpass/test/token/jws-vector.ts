/** One vector as Wycheproof has them: a key set and a JWS, accepted or refused; no claims are looked at. */
import { toAlgorithm } from '../../src/token/algorithms.ts'
import { parseCompactJws } from '../../src/token/compact.ts'
import { parseKeySet } from '../../src/token/key-set.ts'
import { type VerifyOperation, verifySignature } from '../../src/token/signature.ts'
import { operations } from './operations.ts'

const algorithms = ['ES256', 'RS256', 'PS256', 'EdDSA'] as const

/** @returns why it is refused, by WebCrypto and by Node alike, or undefined when it is accepted */
export async function refusalOfJws(members: readonly object[], jws: unknown): Promise<string | undefined> {
  const refusals = await Promise.all(Object.values(operations).map((verify) => refusalBy(verify, members, jws)))
  if (new Set(refusals).size > 1) throw new Error(`they differ: ${refusals.join(' / ')}`)
  return refusals[0]
}

async function refusalBy(
  verify: VerifyOperation,
  members: readonly object[],
  jws: unknown,
): Promise<string | undefined> {
  if (typeof jws !== 'string') return 'not in compact form'
  try {
    const parsed = parseCompactJws(jws)
    if (toAlgorithm(parsed.alg) === undefined) return `an algorithm that is not ours: ${parsed.alg}`
    const set = await parseKeySet(new TextEncoder().encode(JSON.stringify({ keys: members })), algorithms)
    const key = set.keys.get(parsed.kid)
    if (key === undefined) return 'no key that can be used'
    await verifySignature(parsed, key, verify)
    return undefined
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}
