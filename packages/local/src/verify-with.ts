/**
 * Looks at a token as the gateway does, for what is asked in its bearer's name.
 */
import { Failure } from 'rowpass'
import { TokenRefusal, type VerifiedToken, type Verifier } from 'rowpass/operate'

/**
 * @returns undefined for a token that is not valid
 * @throws Failure where the keys of its issuer cannot be had
 */
export async function verifyWith(verifier: Verifier, token: string): Promise<VerifiedToken | undefined> {
  try {
    return await verifier.verify(token)
  } catch (error) {
    const refusal = error instanceof Failure ? error.cause : undefined
    if (refusal instanceof TokenRefusal && refusal.reason !== 'keys_unavailable') return undefined
    throw error
  }
}
