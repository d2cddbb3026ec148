/**
 * Seals verified claims into the settings that `rowpass.claims()` reads, at once, with the cryptography of Node.
 * `create-seal.ts` does the same wherever there is WebCrypto.
 */
import { createHash, createHmac } from 'node:crypto'
import { draftSeal, type SealedIdentity, type SealedSession, type SealKey, toSessionId } from './form.ts'

export { namesSession, type SealedIdentity, type SealedSession, type SealKey } from './form.ts'

/**
 * Seals one identity.
 *
 * Does NOT check the claims, nor that `exp` and `sid` are those among them: the caller has verified the token they came
 * from.
 * @throws TypeError for a role with a colon, which would end it early
 * @see RFC 2104
 */
export function sealSession(key: SealKey, identity: SealedIdentity): SealedSession {
  const session = toSessionId(identity.sid, (text) =>
    createHash('sha256').update(text, 'utf8').digest('hex').slice(0, 32),
  )
  const { signed, finish } = draftSeal(key, identity, session)
  return finish(createHmac('sha256', key.secret).update(signed, 'utf8').digest('hex'))
}
