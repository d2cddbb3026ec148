/**
 * Seal keys as configuration has them: `name:secret[,name:secret…]`.
 */
import { fromBase64Url } from '../token/base64url.ts'
import type { SealKey } from './form.ts'

const secretBytes = 32

/** What names of keys look like. */
export const sealKeyName = /^[a-z0-9_-]{1,32}$/

/**
 * Reads `name:secret[,name:secret…]`; the first key seals, all are accepted by the database once installed.
 *
 * @param text secrets are 32 bytes in base64url without padding
 * @throws TypeError that names the faulty key by its name or position, never its secret
 */
export function parseSealKeys(text: string): readonly [SealKey, ...SealKey[]] {
  const [first, ...rest] = text.split(',').map(parseSealKey)
  if (first === undefined) throw new TypeError('no seal key given')
  const keys = [first, ...rest] as const
  if (new Set(keys.map((key) => key.name)).size < keys.length) throw new TypeError('two seal keys have the same name')
  return keys
}

function parseSealKey(text: string, index: number): SealKey {
  const separator = text.indexOf(':')
  const name = text.slice(0, Math.max(separator, 0)).trim()
  if (!sealKeyName.test(name))
    throw new TypeError(`seal key ${index + 1} has no name of the form ${sealKeyName.source}`)
  const secret = fromBase64Url(text.slice(separator + 1).trim())
  if (secret?.length !== secretBytes) throw new TypeError(`seal key "${name}" is not ${secretBytes} bytes in base64url`)
  return { name, secret }
}
