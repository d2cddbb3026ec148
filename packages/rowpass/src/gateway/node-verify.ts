/**
 * Verifies signatures with OpenSSL on the thread that asks.
 *
 * WebCrypto has another thread verify, and handing over costs this one some 45 µs of CPU: as much as an RSA signature, half
 * of an ES256 one. In all, each new token costs about half as much here (`npm run bench:verify`).
 */
import { constants, KeyObject, verify } from 'node:crypto'
import type { AcceptedAlgorithm } from '../token/algorithms.ts'
import type { VerifyOperation } from '../token/verifier.ts'

const pkcs1 = { padding: constants.RSA_PKCS1_PADDING }
// The salt is as long as the hash (RFC 7518 §3.5).
const pss = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST }
const ecdsa = { dsaEncoding: 'ieee-p1363' } as const

/** What OpenSSL is told, and the hash; Ed25519 has its own. */
const parameters: Readonly<Record<AcceptedAlgorithm, readonly [hash: string | null, options: object]>> = {
  ES256: ['sha256', ecdsa],
  RS256: ['sha256', pkcs1],
  PS256: ['sha256', pss],
  EdDSA: [null, {}],
  ES384: ['sha384', ecdsa],
  ES512: ['sha512', ecdsa],
  RS384: ['sha384', pkcs1],
  RS512: ['sha512', pkcs1],
  PS384: ['sha384', pss],
  PS512: ['sha512', pss],
}

const keyObjects = new WeakMap<CryptoKey, KeyObject>()

/**
 * The `verifyOperation` of a verifier in Node. Answers at once.
 *
 * @example
 * const issuer = { iss: 'https://id.example.com', audience: 'https://api.example.com' }
 * const verifier = createVerifier([issuer], { verifyOperation: nodeVerify })
 */
export const nodeVerify: VerifyOperation = (alg, key, signature, signed) => {
  const [hash, options] = parameters[alg]
  return verify(hash, signed, { key: keyObjectOf(key), ...options }, signature)
}

function keyObjectOf(key: CryptoKey): KeyObject {
  const known = keyObjects.get(key)
  if (known !== undefined) return known
  const made = KeyObject.from(key)
  keyObjects.set(key, made)
  return made
}
