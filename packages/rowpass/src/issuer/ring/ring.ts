/**
 * The key ring: which key signs, which are published, and when the next step is safe.
 *
 * ```
 *  next ──activate──► active ──(the next one is activated)──► retired ──prune──► gone
 *    published, does not sign    published, signs     published, does not sign      neither
 * ```
 * A step is safe when no verifier that keeps the key set for up to its max-age can refuse a token that is still good:
 *
 * - activate: `addedAt + lag + max-age + skew`. By then every instance publishes the key, and every cached set is newer.
 * - prune: `retiredAt + lag + longest lifetime + skew`. By then every instance has stopped signing with it, and the last
 *   token has expired.
 *
 * All functions are pure: a ring in, a ring out, the time as argument. No private key is ever part of a ring; stores keep
 * those beside it, by `kid`. Times are milliseconds since the epoch.
 */
import { Failure } from '../../errors.ts'
import type { PublicJwk } from '../../token/key.ts'
import { maxTtlSeconds } from '../../token/token-limits.ts'

/** Where a key is in its life. */
export type KeyState = 'next' | 'active' | 'retired' | 'gone'

/** What the ring is told about the world around it. Fixed when a ring is made; all in seconds. */
export interface RingTiming {
  /** How long others may keep the key set; served as `Cache-Control: max-age`. */
  readonly jwksMaxAgeSeconds: number
  /** How long an instance may go on with its copy of the ring. */
  readonly lagSeconds: number
  /** By how much clocks may differ, and verifiers may let a token outlive its expiry, together. */
  readonly skewSeconds: number
  /** Lifetime up to which tokens are signed without being noted first. */
  readonly ttlSeconds: number
}

/** One key of a ring. */
export interface RingKey {
  readonly kid: string
  readonly publicJwk: PublicJwk
  readonly state: KeyState
  readonly addedAt: number
  readonly activatedAt?: number
  /** When it stopped to sign, as far as the ring goes: an instance may go on for the lag. */
  readonly retiredAt?: number
  readonly goneAt?: number
  /** Whether it was taken out at once, as one does when a key is in the wrong hands. */
  readonly revoked: boolean
  /** The longest lifetime, in seconds, of a token that it may have signed. */
  readonly longestTtlSeconds: number
}

/** A ring. Keys are in the order in which they were added. */
export interface Ring {
  readonly timing: RingTiming
  readonly keys: readonly RingKey[]
}

/** Whether to go ahead where it is not safe yet. */
export interface StepOptions {
  readonly force?: boolean
}

/** The most keys that are not gone; verifiers read sets of up to 64. */
export const maxLiveKeys = 16
/** How many keys that are gone are remembered, so that they cannot come back. */
export const maxGoneKeys = 64

/** An empty ring. */
export function createRing(timing: RingTiming): Ring {
  return { timing, keys: [] }
}

/**
 * Puts a key in, as `next`. The first key of an empty ring signs at once: no verifier can hold an older set.
 *
 * @throws Failure `key_known` when the ring has or had it, `key_ring_full` when there are {@link maxLiveKeys}
 */
export function addKey(ring: Ring, publicJwk: PublicJwk, nowMs: number): Ring {
  const { kid } = publicJwk
  if (ring.keys.some((key) => key.kid === kid)) throw new Failure('key_known', { detail: kid })
  if (liveKeys(ring).length >= maxLiveKeys) throw new Failure('key_ring_full', { detail: `${maxLiveKeys} keys` })
  const fresh = { kid, publicJwk, addedAt: nowMs, revoked: false, longestTtlSeconds: ring.timing.ttlSeconds }
  const key: RingKey =
    ring.keys.length === 0 ? { ...fresh, state: 'active', activatedAt: nowMs } : { ...fresh, state: 'next' }
  return { ...ring, keys: [...ring.keys, key] }
}

/**
 * Lets a `next` key sign from now on; the one that signed until now is retired.
 *
 * @throws Failure `key_too_early` unless `force`d, with the time from which it is safe
 * @throws Failure `key_unknown`, `key_state_wrong`
 */
export function activateKey(ring: Ring, kid: string, nowMs: number, options: StepOptions = {}): Ring {
  const key = keyIn(ring, kid, ['next'])
  refuseEarly(key, activateSafeAt(ring, key), nowMs, options)
  const active = activeKey(ring)
  const before = active === undefined ? ring : retire(ring, active, nowMs)
  return replace(before, { ...key, state: 'active', activatedAt: nowMs })
}

/**
 * Takes a key out of use, without a successor: a `next` key that is not wanted, or with `force` the one that signs, after
 * which nothing can be signed until another is activated.
 *
 * @throws Failure `key_state_wrong` for the active key unless `force`d; `key_unknown`
 */
export function retireKey(ring: Ring, kid: string, nowMs: number, options: StepOptions = {}): Ring {
  const key = keyIn(ring, kid, options.force === true ? ['next', 'active'] : ['next'])
  return retire(ring, key, nowMs)
}

/**
 * Takes a `retired` key out of the published set; its private half is to be destroyed with it.
 *
 * @throws Failure `key_too_early` unless `force`d, with the time from which it is safe
 * @throws Failure `key_unknown`, `key_state_wrong`
 */
export function pruneKey(ring: Ring, kid: string, nowMs: number, options: StepOptions = {}): Ring {
  const key = keyIn(ring, kid, ['retired'])
  refuseEarly(key, pruneSafeAt(ring, key), nowMs, options)
  return forgetOldest(replace(ring, { ...key, state: 'gone', goneAt: nowMs }))
}

/**
 * Takes a key out at once, whatever becomes of its tokens. When it was the one that signs, another signs at once: the
 * oldest `next` that is safe, else the oldest `next`, else the replacement.
 *
 * @param replacement a new key, added as `active` where it is needed and as nothing otherwise
 * @throws Failure `key_unknown`, `key_state_wrong` when it is gone already; TypeError when a replacement is needed and
 *   was not given
 */
export function revokeKey(ring: Ring, kid: string, nowMs: number, replacement?: PublicJwk): Ring {
  const key = keyIn(ring, kid, ['next', 'active', 'retired'])
  const without = replace(ring, { ...key, state: 'gone', goneAt: nowMs, revoked: true })
  if (key.state !== 'active') return forgetOldest(without)
  const [successor] = without.keys.filter(({ state }) => state === 'next')
  if (successor !== undefined) return forgetOldest(activateKey(without, successor.kid, nowMs, { force: true }))
  if (replacement === undefined) throw new TypeError('the ring needs a new key to sign with')
  const added = addKey(without, replacement, nowMs)
  return forgetOldest(activateKey(added, replacement.kid, nowMs, { force: true }))
}

/**
 * Notes that a key signs tokens of this lifetime. To be done before the first such token is signed.
 *
 * @throws Failure `key_state_wrong` when the key does not sign and cannot have been signing a moment ago; `key_unknown`
 * @throws TypeError when the lifetime is none
 */
export function noteTtl(ring: Ring, kid: string, ttlSeconds: number): Ring {
  const key = keyIn(ring, kid, ['active', 'retired'])
  if (!(ttlSeconds > 0 && ttlSeconds <= maxTtlSeconds)) {
    throw new TypeError(`ttlSeconds is not above 0 and up to ${maxTtlSeconds}`)
  }
  return ttlSeconds <= key.longestTtlSeconds ? ring : replace(ring, { ...key, longestTtlSeconds: ttlSeconds })
}

/** The key that signs; undefined in an empty ring, or after a forced retirement. */
export function activeKey(ring: Ring): RingKey | undefined {
  return ring.keys.find(({ state }) => state === 'active')
}

/** The keys to publish. */
export function publishedKeys(ring: Ring): PublicJwk[] {
  return liveKeys(ring).map(({ publicJwk }) => publicJwk)
}

/** From when on a `next` key may sign. */
export function activateSafeAt({ timing }: Ring, { addedAt }: RingKey): number {
  return addedAt + (timing.lagSeconds + timing.jwksMaxAgeSeconds + timing.skewSeconds) * 1000
}

/** From when on a `retired` key need not be published any longer; at once when it never signed. */
export function pruneSafeAt({ timing }: Ring, key: RingKey): number {
  if (key.activatedAt === undefined) return key.retiredAt ?? 0
  return (key.retiredAt ?? 0) + (timing.lagSeconds + key.longestTtlSeconds + timing.skewSeconds) * 1000
}

/** What to do with the ring now. */
export type RotationStep =
  /** Put a new key in. */
  | { readonly do: 'add' }
  | { readonly do: 'activate'; readonly kid: string }
  | { readonly do: 'prune'; readonly kid: string }
  /** Nothing is safe before `until`; `for` is what is safe then. */
  | { readonly do: 'wait'; readonly until: number; readonly for: 'activate' | 'prune'; readonly kid: string }

/**
 * The next step of a rotation.
 *
 * A ring in which one key signs and no other is there is at rest: there a rotation begins, with `add`. It is at rest
 * again when the retired key is pruned.
 */
export function rotationStep(ring: Ring, nowMs: number): RotationStep {
  const next = ring.keys.find(({ state }) => state === 'next')
  const retired = ring.keys.filter(({ state }) => state === 'retired')
  const over = retired.find((key) => nowMs >= pruneSafeAt(ring, key))
  if (over !== undefined) return { do: 'prune', kid: over.kid }
  if (next !== undefined) {
    const until = activateSafeAt(ring, next)
    return nowMs >= until ? { do: 'activate', kid: next.kid } : { do: 'wait', until, for: 'activate', kid: next.kid }
  }
  const [last] = retired.toSorted((a, b) => pruneSafeAt(ring, a) - pruneSafeAt(ring, b))
  if (activeKey(ring) === undefined || last === undefined) return { do: 'add' }
  return { do: 'wait', until: pruneSafeAt(ring, last), for: 'prune', kid: last.kid }
}

/** Whether one key signs and no rotation is under way. */
export function isAtRest(ring: Ring): boolean {
  return ring.keys.every(({ state }) => state === 'active' || state === 'gone') && activeKey(ring) !== undefined
}

/** What may happen to a key next, and from when on. `retire` of the active key comes with the next one's activation. */
export function nextOf(
  ring: Ring,
  key: RingKey,
): { readonly step: 'activate' | 'prune'; readonly safeAt: number } | undefined {
  if (key.state === 'next') return { step: 'activate', safeAt: activateSafeAt(ring, key) }
  if (key.state === 'retired') return { step: 'prune', safeAt: pruneSafeAt(ring, key) }
  return undefined
}

function liveKeys(ring: Ring): RingKey[] {
  return ring.keys.filter(({ state }) => state !== 'gone')
}

function keyIn(ring: Ring, kid: string, states: readonly KeyState[]): RingKey {
  const key = ring.keys.find((each) => each.kid === kid)
  if (key === undefined) throw new Failure('key_unknown', { detail: kid })
  if (states.includes(key.state)) return key
  throw new Failure('key_state_wrong', { detail: `${kid} is ${key.state}, and the step is for ${states.join(' or ')}` })
}

function refuseEarly({ kid }: RingKey, safeAt: number, nowMs: number, { force = false }: StepOptions): void {
  if (force || nowMs >= safeAt) return
  const seconds = Math.ceil((safeAt - nowMs) / 1000)
  throw new Failure('key_too_early', {
    detail: `${kid}: safe from ${new Date(safeAt).toISOString()} on, in ${seconds} s`,
  })
}

function retire(ring: Ring, key: RingKey, nowMs: number): Ring {
  return replace(ring, { ...key, state: 'retired', retiredAt: nowMs })
}

function replace(ring: Ring, key: RingKey): Ring {
  return { ...ring, keys: ring.keys.map((each) => (each.kid === key.kid ? key : each)) }
}

/** A revoked key is remembered longer than one that ended in peace. */
function forgetOldest(ring: Ring): Ring {
  const gone = ring.keys.filter(({ state }) => state === 'gone')
  const order = [...gone].sort((a, b) => Number(a.revoked) - Number(b.revoked) || (a.goneAt ?? 0) - (b.goneAt ?? 0))
  const forgotten = new Set(order.slice(0, Math.max(0, gone.length - maxGoneKeys)))
  return { ...ring, keys: ring.keys.filter((key) => !forgotten.has(key)) }
}
