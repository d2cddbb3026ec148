/**
 * A key ring in PostgreSQL, as an instance of the issuer reaches it: two functions, through whatever runs SQL there.
 */
import { Failure } from '../../errors.ts'
import type { PublicJwk } from '../../token/key.ts'
import { type EncryptionKeys, openPrivateKey, type SealedKey } from './encryption.ts'
import type { KeyUse, RingCopy, RingHome } from './ring-source.ts'
import { parseTiming } from './ring-text.ts'

/**
 * Runs one statement and gives the only column of its only row, parsed from JSON.
 * The login is `rowpass_issuer`, or the owner.
 */
export type QueryValue = (sql: string, params: readonly unknown[]) => Promise<unknown>

/** @throws (both functions) Failure `key_missing` when the ring is empty, `key_locked`, and what `query` throws */
export function createSqlRingHome(query: QueryValue, keys: EncryptionKeys): RingHome {
  return {
    async exchange(uses) {
      const answer = await query('select rowpass.exchange_signing_keys($1::jsonb) as value', [toJson(uses)])
      if (!isObject(answer)) throw new Failure('key_missing', { detail: 'The key ring in the database is empty' })
      return toCopy(answer)
    },
    async privateJwk(kid) {
      const answer = await query('select rowpass.sealed_signing_key($1) as value', [kid])
      if (!isObject(answer)) throw new Failure('key_missing', { detail: `The key ring has no ${kid} that signs` })
      const { alg, wrappedUnder, wrappedKey, ciphertext } = answer
      const sealed: SealedKey = {
        wrappedUnder: String(wrappedUnder),
        wrappedKey: String(wrappedKey),
        ciphertext: String(ciphertext),
      }
      return openPrivateKey({ kid, alg: String(alg) }, sealed, keys)
    },
  }
}

function toJson(uses: readonly KeyUse[]): string {
  return JSON.stringify(
    uses.map(({ kid, expiresMinute, tokens, longestTtlSeconds }) => ({
      kid,
      expires_minute: expiresMinute,
      tokens,
      longest_ttl_seconds: longestTtlSeconds,
    })),
  )
}

function toCopy({ timing, published, active }: Readonly<Record<string, unknown>>): RingCopy {
  // The function of 0004_signing_keys.sql writes these; nobody but the owner writes what it reads.
  const copy = { published: published as readonly PublicJwk[], active: (active ?? undefined) as RingCopy['active'] }
  return { ...copy, timing: parseTiming(timing) }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}
