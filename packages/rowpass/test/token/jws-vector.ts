/** One vector as Wycheproof has them: a key set and a JWS, accepted or refused; no claims are looked at. */
import { type AcceptedAlgorithm, algorithms, toAlgorithm } from '../../src/token/algorithms.ts'
import { type CompactJws, parseCompactJws } from '../../src/token/compact.ts'
import { parseKeySet } from '../../src/token/key-set.ts'
import { type VerifyOperation, verifySignature } from '../../src/token/signature.ts'
import { operations } from './operations.ts'

const accepted = Object.keys(algorithms) as AcceptedAlgorithm[]

/** @returns why it is refused, by WebCrypto and by Node alike, or undefined when it is accepted */
export async function refusalOfJws(members: readonly object[], jws: unknown): Promise<string | undefined> {
  if (typeof jws !== 'string') return 'not in compact form'
  return refusalOf(members, () => parseCompactJws(jws))
}

/** The same for a signature alone, over any bytes. */
export async function refusalOfSignature(
  jwk: object,
  alg: string,
  signed: Buffer,
  signature: Buffer,
): Promise<string | undefined> {
  const parts = { signed: new Uint8Array(signed), signature: new Uint8Array(signature), payload: signed }
  return refusalOf([{ ...jwk, kid: 'a' }], () => ({ ...parts, alg, kid: 'a', typ: '' }))
}

async function refusalOf(members: readonly object[], parse: () => CompactJws): Promise<string | undefined> {
  const refusals = await Promise.all(Object.values(operations).map((verify) => refusalBy(verify, members, parse)))
  if (new Set(refusals).size > 1) throw new Error(`they differ: ${refusals.join(' / ')}`)
  return refusals[0]
}

async function refusalBy(
  verify: VerifyOperation,
  members: readonly object[],
  parse: () => CompactJws,
): Promise<string | undefined> {
  try {
    const parsed = parse()
    if (toAlgorithm(parsed.alg) === undefined) return `an algorithm that is not ours: ${parsed.alg}`
    const set = await parseKeySet(new TextEncoder().encode(JSON.stringify({ keys: members })), accepted)
    const key = set.find(parsed.kid)
    if (key === undefined) return 'no key that can be used'
    await verifySignature(parsed, key, verify)
    return undefined
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}
