/** The one place where a signature is verified. */
import { algorithms, toAlgorithm } from '../keys/algorithms.ts'
import type { CompactJws } from './compact.ts'
import type { VerificationKey } from './key-set.ts'
import { TokenRefusal } from './refusal.ts'

/**
 * Verifies a signature with the algorithm of the key; the header has no say but to agree.
 *
 * ECDSA has two valid signatures for each message and anybody can make one from the other, so two different texts can
 * carry one token: what counts as the same token is its `jti`, not its text.
 *
 * @throws TokenRefusal `algorithm` when the key is not for the `alg` of the header, `signature` when it does not verify
 * @see RFC 8725 §3.1
 */
export async function verifySignature({ token, alg, signature }: CompactJws, key: VerificationKey): Promise<void> {
  const algorithm = toAlgorithm(alg)
  const imported = algorithm === undefined ? undefined : key.get(algorithm)
  if (algorithm === undefined || imported === undefined) {
    throw new TokenRefusal('algorithm', '"alg" is not that of the key')
  }
  const { signatureBytes, parameters } = algorithms[algorithm]
  if (signatureBytes !== undefined && signature.length !== signatureBytes) {
    throw new TokenRefusal('signature', `the signature is not ${signatureBytes} bytes long`)
  }
  const signed = encoder.encode(token.slice(0, token.lastIndexOf('.')))
  // A key that does not fit its algorithm is an error in some runtimes and a false in others.
  const valid = await crypto.subtle.verify(parameters, imported, signature, signed).catch(() => false)
  if (valid !== true) throw new TokenRefusal('signature', 'the signature does not verify')
}

const encoder = new TextEncoder()
