/** From the text of a JWKS to the keys in it that one issuer may sign with. */
import type { KeyFetchReason } from '../events.ts'
import { type Algorithm, algorithmsOf } from './algorithms.ts'
import { importPublicKey } from './public-key.ts'
import { parseStrictJson } from './strict-json.ts'
import { maxKidLength } from './token-limits.ts'

/** The most members a set may have. */
export const maxKeys = 64

/** One key, ready to verify with, for each algorithm it may be used with. */
export type VerificationKey = ReadonlyMap<Algorithm, CryptoKey>

/** The usable keys of one issuer at one time. A set is never changed, only replaced: identity means "the same keys". */
export interface KeySet {
  readonly keys: ReadonlyMap<string, VerificationKey>
  /** How many members were left out. */
  readonly skipped: number
  /** Equal for two sets with the same usable keys. */
  readonly fingerprint: string
}

/** Why a JWKS cannot be used or had. */
export class KeySetError extends Error {
  override readonly name = 'KeySetError'
  readonly reason: KeyFetchReason

  constructor(reason: KeyFetchReason, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.reason = reason
  }
}

/**
 * Reads a JWKS.
 *
 * Leaves out members that cannot verify a signature of this issuer: symmetric, private, for encryption, without `kid`,
 * of another algorithm, malformed or too weak. Refuses the whole set when two usable keys share a `kid`: which of them a
 * token means would be a guess.
 *
 * @param allowed the algorithms of the issuer; a key without `alg` may be used with each of them that fits its type
 * @throws KeySetError `malformed`, `too_many`, `duplicate`
 * @see RFC 7517 §5
 */
export async function parseKeySet(body: Uint8Array, allowed: readonly Algorithm[]): Promise<KeySet> {
  const members = parseMembers(body)
  if (members.length > maxKeys) throw new KeySetError('too_many', `the set has more than ${maxKeys} members`)
  const usable = (await Promise.all(members.map((member) => importMember(member, allowed)))).filter(
    (member) => member !== undefined,
  )
  const keys = new Map(usable.map(({ kid, key }) => [kid, key]))
  if (keys.size !== usable.length) throw new KeySetError('duplicate', 'two keys of the set have one kid')
  const fingerprint = usable.map(({ identity }) => identity).sort()
  return { keys, skipped: members.length - usable.length, fingerprint: JSON.stringify(fingerprint) }
}

type Member = Readonly<Record<string, unknown>>

function parseMembers(body: Uint8Array): readonly Member[] {
  let members: unknown
  try {
    members = parseStrictJson(body).value.keys
  } catch (cause) {
    throw new KeySetError('malformed', 'the answer is not a JSON object that can be used', { cause })
  }
  if (!Array.isArray(members) || !members.every(isObject)) {
    throw new KeySetError('malformed', 'the answer has no "keys" array of objects')
  }
  return members
}

async function importMember(
  member: Member,
  allowed: readonly Algorithm[],
): Promise<{ kid: string; key: VerificationKey; identity: string } | undefined> {
  const { kid, use, key_ops: operations } = member
  if (typeof kid !== 'string' || kid === '' || kid.length > maxKidLength) return undefined
  if (use !== undefined && use !== 'sig') return undefined
  if (operations !== undefined && !(Array.isArray(operations) && operations.includes('verify'))) return undefined
  // A private key that was published is known to everybody.
  if (Object.hasOwn(member, 'd') || Object.hasOwn(member, 'k')) return undefined
  const fitting = algorithmsOf(member).filter((alg) => allowed.includes(alg))
  const key = new Map<Algorithm, CryptoKey>()
  for (const alg of fitting) {
    const imported = await importPublicKey(member, alg).catch(() => undefined)
    if (imported !== undefined) key.set(alg, imported)
  }
  if (key.size === 0) return undefined
  const { crv, x, y, n, e } = member
  return { kid, key, identity: JSON.stringify([kid, [...key.keys()], crv, x, y, n, e]) }
}

function isObject(value: unknown): value is Member {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
