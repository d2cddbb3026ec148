/** From a JWK that anybody may have written to a key that can verify signatures, or a reason why not. */
import { importJWK } from 'jose'
import { type AcceptedAlgorithm, algorithms } from './algorithms.ts'
import { fromBase64Url } from './base64url.ts'
import { isSmallOrder, rsaWeakness } from './weak-keys.ts'

/**
 * Imports the public half of a JWK for one algorithm.
 *
 * Takes the public key members and nothing else, so a private JWK gives a public key too. Checks strength: RSA of 2048
 * to 8192 bits, a point that is on its curve, an Ed25519 point that is not of small order.
 * Does NOT look at `use`, `key_ops`, `alg` or `kid`: the caller decides what the key is for.
 *
 * @returns a key with the one usage `verify`
 * @throws Error with a sentence about the key, safe to log, when it cannot be used
 * @see RFC 7518 §6, RFC 8037 §2
 */
export async function importPublicKey(
  jwk: Readonly<Record<string, unknown>>,
  alg: AcceptedAlgorithm,
): Promise<CryptoKey> {
  const spec = algorithms[alg]
  const material: Record<string, string> = { kty: spec.kty }
  if (jwk.kty !== spec.kty) throw new Error(`a key for ${alg} is of type ${spec.kty}`)
  for (const member of spec.publicMembers) {
    const value = jwk[member]
    if (typeof value !== 'string') throw new Error(`the member "${member}" is missing`)
    material[member] = value
  }
  const weakness = weaknessOf(material, alg)
  if (weakness !== undefined) throw new Error(weakness)
  const key = await importJWK(material, alg).catch(() => undefined)
  if (key === undefined || key instanceof Uint8Array) throw new Error('the key material is malformed')
  return key
}

function weaknessOf(material: Readonly<Record<string, string>>, alg: AcceptedAlgorithm): string | undefined {
  const spec = algorithms[alg]
  if (spec.crv !== undefined && material.crv !== spec.crv) return `a key for ${alg} is on the curve ${spec.crv}`
  const [first, second] = spec.publicMembers
    .filter((member) => member !== 'crv')
    .map((member) => fromBase64Url(material[member] ?? ''))
  if (first === undefined || (spec.kty !== 'OKP' && second === undefined)) return 'the key material is not base64url'
  if (second !== undefined && spec.kty === 'RSA') return rsaWeakness(first, second)
  if ([first, second].some((coordinate) => coordinate !== undefined && coordinate.length !== spec.coordinateBytes)) {
    return `a coordinate is not ${spec.coordinateBytes} bytes long`
  }
  return spec.kty === 'OKP' && isSmallOrder(first) ? 'the Ed25519 key is of small order' : undefined
}
