/**
 * A key ring as JSON text, private keys included: the content of a ring file, and of the Worker secret KEY_RING.
 */
import type { JWK } from 'jose'
import { Failure } from '../../errors.ts'
import { algorithms } from '../../token/algorithms.ts'
import { importSigningKey, toPublicJwk } from '../../token/key.ts'
import { isJsonObject } from '../../token/strict-json.ts'
import { maxTtlSeconds } from '../../token/token-limits.ts'
import type { KeyState, Ring, RingKey, RingTiming } from './ring.ts'

/** A ring and the private keys that belong to it, by `kid`. Keys that are gone have none. */
export interface PrivateRing {
  readonly ring: Ring
  /** Secrets. */
  readonly privateJwks: ReadonlyMap<string, JWK>
  /** How many tokens were signed, by key and by the minute since the epoch in which they have expired. */
  readonly uses: readonly CountedUse[]
}

/** Tokens of one key that expire in one minute. */
export interface CountedUse {
  readonly kid: string
  readonly expiresMinute: number
  readonly tokens: number
}

const states: readonly KeyState[] = ['next', 'active', 'retired', 'gone']
const times = ['addedAt', 'activatedAt', 'retiredAt', 'goneAt'] as const
const formatVersion = 1
/** The longest lag, max-age and skew that make sense: a day. */
const maxSeconds = 86_400

/** Writes a ring so that {@link parseKeyRing} reads it. The result is a secret. */
export function formatKeyRing({ ring, privateJwks, uses }: PrivateRing): string {
  const keys = ring.keys.map(({ publicJwk, ...key }) => ({
    ...key,
    ...Object.fromEntries(times.flatMap((name) => (key[name] === undefined ? [] : [[name, toText(key[name])]]))),
    jwk: privateJwks.get(key.kid) ?? publicJwk,
  }))
  return `${JSON.stringify({ version: formatVersion, timing: ring.timing, keys, uses }, null, 2)}\n`
}

/**
 * Reads a ring. Every key is imported: public halves are derived, and each `kid` has to be the thumbprint of its key.
 *
 * @throws Failure `key_invalid`; its detail says where, and never quotes the text
 */
export async function parseKeyRing(text: string): Promise<PrivateRing> {
  const { version, timing, keys, uses = [] } = parseObject(text)
  if (version !== formatVersion) throw invalid(`version is not ${formatVersion}`)
  if (!Array.isArray(keys)) throw invalid('keys is not a list')
  const members = await Promise.all(keys.map(parseMember))
  const ring = { timing: parseTiming(timing), keys: members.map(({ key }) => key) }
  if (new Set(ring.keys.map(({ kid }) => kid)).size < members.length) throw invalid('it holds one key twice')
  if (ring.keys.filter(({ state }) => state === 'active').length > 1) throw invalid('two of its keys are active')
  const secrets = members.flatMap(({ key, jwk }) => (key.state === 'gone' ? [] : [[key.kid, jwk] as const]))
  if (!Array.isArray(uses)) throw invalid('uses is not a list')
  return { ring, privateJwks: new Map(secrets), uses: uses.map(parseUse) }
}

/**
 * Reads the timing of a ring.
 *
 * @throws Failure `key_invalid` naming the member that is wrong
 */
export function parseTiming(value: unknown): RingTiming {
  const member = (name: keyof RingTiming, min: number, max: number): number => {
    const seconds = isJsonObject(value) ? value[name] : undefined
    if (typeof seconds === 'number' && seconds >= min && seconds <= max) return seconds
    throw invalid(`timing.${name} is not a number from ${min} to ${max}`)
  }
  const jwksMaxAgeSeconds = member('jwksMaxAgeSeconds', 0, maxSeconds)
  if (!Number.isInteger(jwksMaxAgeSeconds)) throw invalid('timing.jwksMaxAgeSeconds is not a whole number')
  return {
    jwksMaxAgeSeconds,
    lagSeconds: member('lagSeconds', 0, maxSeconds),
    skewSeconds: member('skewSeconds', 0, maxSeconds),
    ttlSeconds: member('ttlSeconds', 1, maxTtlSeconds),
  }
}

type Members = Readonly<Record<string, unknown>>

async function parseMember(value: unknown, index: number): Promise<{ key: RingKey; jwk: JWK }> {
  const where = `key ${index + 1}`
  if (!isJsonObject(value) || !isJsonObject(value.jwk)) throw invalid(`${where} is not an object with a "jwk"`)
  const state = states.find((each) => each === value.state)
  if (state === undefined) throw invalid(`${where}: state is not one of ${states.join(', ')}`)
  const publicJwk = await about(where, toPublicJwk(value.jwk))
  if (value.kid !== publicJwk.kid) throw invalid(`${where}: kid is not the thumbprint of the key`)
  if (state !== 'gone') await about(where, importSigningKey(value.jwk))
  else if (hasPrivateMember(value.jwk)) throw invalid(`${where} is gone, and its private half is there`)
  const { longestTtlSeconds: ttl, revoked } = value
  if (typeof ttl !== 'number' || !(ttl >= 1 && ttl <= maxTtlSeconds)) throw invalid(`${where}: longestTtlSeconds`)
  const key = { kid: publicJwk.kid, publicJwk, state, revoked: revoked === true, longestTtlSeconds: ttl }
  return { key: { ...key, ...parseTimes(value, state, where) }, jwk: value.jwk }
}

/** Each state has the time at which it began; the others are kept where they are. */
function parseTimes(value: Members, state: KeyState, where: string): Pick<RingKey, (typeof times)[number]> {
  const needed = { next: 'addedAt', active: 'activatedAt', retired: 'retiredAt', gone: 'goneAt' }[state]
  const read: { [Name in (typeof times)[number]]?: number } = {}
  for (const name of times) {
    const text = value[name]
    const time = typeof text === 'string' ? Date.parse(text) : Number.NaN
    if (text === undefined && name !== needed && name !== 'addedAt') continue
    if (!Number.isFinite(time)) throw invalid(`${where}: ${name} is not a time`)
    read[name] = time
  }
  return { addedAt: 0, ...read }
}

function parseUse(value: unknown): CountedUse {
  const { kid, expiresMinute, tokens } = isJsonObject(value) ? value : {}
  if (typeof kid === 'string' && Number.isSafeInteger(expiresMinute) && Number.isSafeInteger(tokens)) {
    return { kid, expiresMinute: Number(expiresMinute), tokens: Number(tokens) }
  }
  throw invalid('uses holds something that is not a count')
}

function hasPrivateMember(jwk: Members): boolean {
  return Object.values(algorithms).some(({ privateMembers }) => privateMembers.some((name) => Object.hasOwn(jwk, name)))
}

function toText(time: number): string {
  return new Date(time).toISOString()
}

function parseObject(text: string): Members {
  try {
    const value: unknown = JSON.parse(text)
    if (isJsonObject(value)) return value
  } catch {
    // The parser's message quotes the text, which is a secret.
  }
  throw invalid('it is not a JSON object')
}

async function about<T>(where: string, work: Promise<T>): Promise<T> {
  return work.catch((cause: unknown) => {
    throw cause instanceof Failure ? invalid(`${where}: ${cause.detail}`) : cause
  })
}

function invalid(detail: string): Failure {
  return new Failure('key_invalid', { detail: `The key ring: ${detail}` })
}
