/** From the text of a JWKS to the keys in it that one issuer may sign with. */
import type { KeyFetchReason } from '../events.ts'
import { type AcceptedAlgorithm, algorithmsOf } from './algorithms.ts'
import { importPublicKey } from './public-key.ts'
import { isJsonObject, parseStrictJson } from './strict-json.ts'
import { maxKidLength } from './token-limits.ts'

/** The most members a set may have. */
export const maxKeys = 256
/** How many keys that were left out are named. */
const maxNamedKeys = 20

/** One key, ready to verify with, for each algorithm it may be used with. */
export type VerificationKey = ReadonlyMap<AcceptedAlgorithm, CryptoKey>

/** The usable keys of one issuer at one time. A set is never changed, only replaced: identity means "the same keys". */
export interface KeySet {
  /** By kid; a key without has the empty one. */
  readonly keys: ReadonlyMap<string, VerificationKey>
  /**
   * The key that a token means: the one of its `kid`; or the only one, where the token names none or the key has none.
   *
   * @param kid empty for a token without
   */
  find(kid: string): VerificationKey | undefined
  /** How many members were left out. */
  readonly skipped: number
  /** What is wrong with the set and its members, in sentences; of many, the first twenty. */
  readonly problems: readonly string[]
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

  /** Whether there was an answer, and what is wrong is in it. */
  get fetched(): boolean {
    return ['malformed', 'too_many', 'too_large'].includes(this.reason)
  }
}

/**
 * Reads a JWKS as issuers publish it.
 *
 * Leaves out members that cannot verify a signature of this issuer: symmetric, private, for encryption, of another
 * algorithm, malformed or too weak; and says why. A key that is there twice is one. Different keys with one `kid` are left
 * out: which of them a token means would be a guess. A member that is `null` counts as absent.
 *
 * @param allowed the algorithms of the issuer; a key without `alg` may be used with each of them that fits its type
 * @throws KeySetError `malformed`, `too_many`
 * @see RFC 7517 §5
 */
export async function parseKeySet(body: Uint8Array, allowed: readonly AcceptedAlgorithm[]): Promise<KeySet> {
  const members = parseMembers(body)
  if (members.length > maxKeys) throw new KeySetError('too_many', `the set has more than ${maxKeys} members`)
  const keys = new Map<string, UsableKey>()
  const ambiguous = new Set<string>()
  const problems: string[] = []
  let skipped = 0
  for (const [index, member] of members.entries()) {
    const key = await importMember(member, allowed)
    if (typeof key === 'string') {
      skipped += 1
      problems.push(`${nameOf(member, index)}: ${key}`)
      continue
    }
    const twin = keys.get(key.kid)
    if (twin !== undefined && twin.material !== key.material) ambiguous.add(key.kid)
    keys.set(key.kid, { ...key, key: new Map([...(twin?.key ?? []), ...key.key]) })
  }
  for (const kid of ambiguous) {
    keys.delete(kid)
    problems.push(
      kid === ''
        ? 'several keys without kid: none of them is used'
        : `kid ${shorten(kid)} is that of several keys: none of them is used`,
    )
  }
  if (members.length === 0) problems.push(emptySet)
  const [only] = keys.size === 1 ? keys.values() : []
  return {
    keys: new Map([...keys].map(([kid, { key }]) => [kid, key])),
    find: (kid) => (keys.get(kid) ?? (only !== undefined && (kid === '' || only.kid === '') ? only : undefined))?.key,
    skipped,
    problems: problems.slice(0, maxNamedKeys),
    fingerprint: JSON.stringify(
      [...keys.values()].map((each) => [each.kid, [...each.key.keys()].sort(), each.material]).sort(),
    ),
  }
}

const emptySet = 'the set is empty: the issuer publishes no key, as when it signs with a shared secret (HS256)'

type Member = Readonly<Record<string, unknown>>

interface UsableKey {
  /** Empty for a key without. */
  readonly kid: string
  readonly key: VerificationKey
  /** Equal for two spellings of one key. */
  readonly material: string
}

function parseMembers(body: Uint8Array): readonly unknown[] {
  let value: Member
  try {
    value = parseStrictJson(withoutByteOrderMark(body)).value
  } catch (cause) {
    throw new KeySetError(
      'malformed',
      isMarkup(body) ? 'the answer is a web page' : 'the answer is not a JSON object that can be used',
      { cause },
    )
  }
  if (Array.isArray(value.keys)) return value.keys
  throw new KeySetError('malformed', describeOther(value))
}

/** What was found where a key set should be. */
function describeOther(value: Member): string {
  if (typeof value.jwks_uri === 'string')
    return 'the answer is a discovery document: leave jwks_url out, or set it to its jwks_uri'
  if (typeof value.kty === 'string') return 'the answer is a single key, and not a set with "keys"'
  const texts = Object.values(value)
  if (texts.length > 0 && texts.every((text) => typeof text === 'string' && text.includes('BEGIN CERTIFICATE'))) {
    return 'the answer is a map of X.509 certificates: the issuer has the same keys as JWKs at another address'
  }
  return 'the answer has no "keys" array'
}

function withoutByteOrderMark(body: Uint8Array): Uint8Array {
  return body[0] === 0xef && body[1] === 0xbb && body[2] === 0xbf ? body.subarray(3) : body
}

function isMarkup(body: Uint8Array): boolean {
  return /^\s*</.test(new TextDecoder().decode(withoutByteOrderMark(body).subarray(0, 64)))
}

/** A member for a person: by its kid, or by its place. The issuer has chosen the kid, which may be as long as the set. */
function nameOf(member: unknown, index: number): string {
  return isJsonObject(member) && typeof member.kid === 'string' ? `kid ${shorten(member.kid)}` : `key ${index + 1}`
}

function shorten(kid: string): string {
  return JSON.stringify(kid.slice(0, 64))
}

/** @returns why the member is left out, where it is */
async function importMember(member: unknown, allowed: readonly AcceptedAlgorithm[]): Promise<UsableKey | string> {
  if (!isJsonObject(member)) return 'no JSON object'
  const kid = member.kid ?? ''
  const use = member.use ?? 'sig'
  const operations = member.key_ops ?? ['verify']
  if (typeof kid !== 'string' || kid.length > maxKidLength) return 'kid is not a text of at most 256 characters'
  if (use !== 'sig') return `"use" is not "sig"`
  if (!(Array.isArray(operations) && operations.includes('verify'))) return '"key_ops" has no "verify"'
  // A private key that was published is known to everybody.
  if (Object.hasOwn(member, 'd') || Object.hasOwn(member, 'k'))
    return 'a private or symmetric key, which everybody can read here'
  const fitting = algorithmsOf(member)
  if (fitting.length === 0) return `a key of an unknown type or algorithm`
  const usable = fitting.filter((alg) => allowed.includes(alg))
  if (usable.length === 0) return `for ${fitting.join(', ')}, of which "algorithms" of the issuer lists none`
  const key = new Map<AcceptedAlgorithm, CryptoKey>()
  let problem = ''
  for (const alg of usable) {
    try {
      key.set(alg, await importPublicKey(member, alg))
    } catch (error) {
      problem = error instanceof Error ? error.message : 'malformed'
    }
  }
  if (key.size === 0) return problem
  const { crv, x, y, n, e } = member
  return { kid, key, material: JSON.stringify([crv, x, y, n, e]) }
}
