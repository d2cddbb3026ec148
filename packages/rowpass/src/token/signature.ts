/** The one place where a signature is verified. */
import { type AcceptedAlgorithm, algorithms, toAlgorithm } from './algorithms.ts'
import type { CompactJws } from './compact.ts'
import type { VerificationKey } from './key-set.ts'
import { TokenRefusal } from './refusal.ts'

/**
 * The mathematics alone: whether `signature` is one of `key` over `signed`.
 *
 * Is called with the algorithm that the key was imported for, and with a signature as long as that asks for. May throw or
 * reject; that counts as no.
 */
export type VerifyOperation = (
  alg: AcceptedAlgorithm,
  key: CryptoKey,
  signature: Uint8Array<ArrayBuffer>,
  signed: Uint8Array<ArrayBuffer>,
) => boolean | Promise<boolean>

/** WebCrypto's own, which every runtime has. */
export const webCryptoVerify: VerifyOperation = (alg, key, signature, signed) =>
  crypto.subtle.verify(algorithms[alg].parameters, key, signature, signed)

/**
 * Verifies a signature with the algorithm of the key; the header has no say but to agree.
 *
 * ECDSA has two valid signatures for each message and anybody can make one from the other, so two different texts can
 * carry one token: what counts as the same token is its `jti`, not its text.
 *
 * @throws TokenRefusal `algorithm` when the key is not for the `alg` of the header, `signature` when it does not verify
 * @see RFC 8725 §3.1
 */
export async function verifySignature(
  { signed, alg, signature }: CompactJws,
  key: VerificationKey,
  verify: VerifyOperation = webCryptoVerify,
): Promise<void> {
  const algorithm = toAlgorithm(alg)
  const imported = algorithm === undefined ? undefined : key.get(algorithm)
  if (algorithm === undefined || imported === undefined) {
    throw new TokenRefusal('algorithm', '"alg" is not that of the key')
  }
  const { signatureBytes } = algorithms[algorithm]
  if (signatureBytes !== undefined && signature.length !== signatureBytes) {
    throw new TokenRefusal('signature', `the signature is not ${signatureBytes} bytes long`)
  }
  let valid: unknown = false
  try {
    valid = await verify(algorithm, imported, signature, signed)
  } catch {
    // A key that does not fit its algorithm is an error in some runtimes and a false in others.
  }
  if (valid !== true) throw new TokenRefusal('signature', 'the signature does not verify')
}
