/**
 * The header `Rowpass-Seen`: up to where in the log a client has to see, for a gateway that does not know by itself. How much
 * the database writes is nobody's business, so it can be read by gateways alone, and is good for its owner alone.
 */
import { createCipheriv, createDecipheriv, createHmac, randomBytes } from 'node:crypto'
import type { SealKey } from '../../seal/seal.ts'

/** The header. */
export const seenHeader = 'rowpass-seen'
/** What a client sends that has written nothing. */
const nothing = 'none'

const algorithm = 'aes-256-gcm'
const [nonceBytes, lsnBytes, tagBytes] = [12, 8, 16]
const textLength = Math.ceil(((nonceBytes + lsnBytes + tagBytes) * 4) / 3)

/** Writes what an owner has seen. @param lsn in bytes */
export function writeSeen(key: SealKey, owner: string, lsn: bigint): string {
  const nonce = randomBytes(nonceBytes)
  const plain = Buffer.alloc(lsnBytes)
  plain.writeBigUInt64BE(lsn)
  const cipher = createCipheriv(algorithm, derive(key), nonce).setAAD(Buffer.from(owner))
  return Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()]).toString('base64url')
}

/**
 * Reads it.
 * @param keys of all gateways, those of before among them
 * @returns undefined for what no gateway has written for this owner: such a request goes to the primary
 */
export function readSeen(keys: readonly SealKey[], owner: string, text: string | undefined): bigint | undefined {
  if (text === nothing) return 0n
  if (text?.length !== textLength) return undefined
  const bytes = Buffer.from(text, 'base64url')
  for (const key of keys) {
    try {
      const decipher = createDecipheriv(algorithm, derive(key), bytes.subarray(0, nonceBytes))
      decipher.setAAD(Buffer.from(owner)).setAuthTag(bytes.subarray(nonceBytes + lsnBytes))
      const plain = decipher.update(bytes.subarray(nonceBytes, nonceBytes + lsnBytes))
      decipher.final()
      return plain.readBigUInt64BE()
    } catch {
      // Of another key, or of none.
    }
  }
  return undefined
}

/** Of its own: what is written with it is no seal. */
function derive({ secret }: SealKey): Buffer {
  return createHmac('sha256', secret).update('rowpass seen').digest()
}
