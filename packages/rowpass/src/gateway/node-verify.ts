/**
 * Verifies signatures with OpenSSL on the thread that asks.
 *
 * WebCrypto has another thread verify, and handing over costs this one some 45 µs of CPU: as much as an RSA signature, half
 * of an ES256 one. In all, each new token costs about half as much here (`npm run bench:verify`).
 */
import { constants, KeyObject, verify } from 'node:crypto'
import type { Algorithm } from '../token/algorithms.ts'
import type { VerifyOperation } from '../token/verifier.ts'

const paddings = {
  RS256: { padding: constants.RSA_PKCS1_PADDING },
  // The salt is as long as the hash (RFC 7518 §3.5).
  PS256: { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 },
  ES256: { dsaEncoding: 'ieee-p1363' },
  EdDSA: {},
} as const satisfies Record<Algorithm, object>

const keyObjects = new WeakMap<CryptoKey, KeyObject>()

/** The `verifyOperation` of a verifier in Node. Answers at once. */
export const nodeVerify: VerifyOperation = (alg, key, signature, signed) =>
  verify(alg === 'EdDSA' ? null : 'sha256', signed, { key: keyObjectOf(key), ...paddings[alg] }, signature)

function keyObjectOf(key: CryptoKey): KeyObject {
  const known = keyObjects.get(key)
  if (known !== undefined) return known
  const made = KeyObject.from(key)
  keyObjects.set(key, made)
  return made
}
