/**
 * What an operator does with a stored ring, each step decided and done under the lock of its store, and what a ring then
 * says of itself.
 */
import { type Algorithm, type GeneratedKey, generateKey } from '../../token/key.ts'
import { graceMs } from '../../token/key-refresh.ts'
import {
  activateKey,
  activeKey,
  addKey,
  isAtRest,
  nextOf,
  pruneKey,
  pruneSafeAt,
  type Ring,
  type RingKey,
  retireKey,
  revokeKey,
  rotationStep,
  type StepOptions,
} from './ring.ts'
import type { RingStore, StoredRing } from './ring-store.ts'

/** What was done with one key. */
export interface KeyStep {
  readonly did: 'add' | 'activate' | 'retire' | 'prune' | 'revoke'
  readonly kid: string
}

/** Makes a key and puts it in; the first one signs at once. */
export async function addNewKey(store: RingStore, alg: Algorithm): Promise<KeyStep> {
  const key = await generateKey(alg)
  await store.change(async (ring, nowMs) => ({ ring: addKey(ring, key.publicJwk, nowMs), made: [key] }))
  return { did: 'add', kid: key.kid }
}

/**
 * Puts a first key into an empty ring: a new one, or the one that signed before there was a ring. A ring with keys is
 * left as it is, so any number of processes may do this at once.
 *
 * @returns the key that signs, and whether it was put in now
 */
export async function ensureKey(
  store: RingStore,
  makeKey: () => Promise<GeneratedKey>,
): Promise<{ kid: string | undefined; made: boolean }> {
  let made = false
  const { ring } = await store.change(async (before, nowMs) => {
    if (before.keys.length > 0) return { ring: before }
    const key = await makeKey()
    made = true
    return { ring: addKey(before, key.publicJwk, nowMs), made: [key] }
  })
  return { kid: activeKey(ring)?.kid, made }
}

/** Lets a `next` key sign. @throws see `activateKey` */
export async function activate(store: RingStore, kid: string, options: StepOptions): Promise<KeyStep[]> {
  let retired: string | undefined
  await store.change(async (ring, nowMs) => {
    retired = activeKey(ring)?.kid
    return { ring: activateKey(ring, kid, nowMs, options) }
  })
  const steps: KeyStep[] = [{ did: 'activate', kid }]
  return retired === undefined ? steps : [...steps, { did: 'retire', kid: retired }]
}

/** Takes a key out of use without a successor. @throws see `retireKey` */
export async function retire(store: RingStore, kid: string, options: StepOptions): Promise<KeyStep> {
  await store.change(async (ring, nowMs) => ({ ring: retireKey(ring, kid, nowMs, options) }))
  return { did: 'retire', kid }
}

/** Takes retired keys out of the published set: one, or all for which it is safe. @throws see `pruneKey` */
export async function prune(store: RingStore, kid: string | undefined, options: StepOptions): Promise<KeyStep[]> {
  let kids: readonly string[] = []
  await store.change(async (ring, nowMs) => {
    kids = kid === undefined ? over(ring, nowMs) : [kid]
    return { ring: kids.reduce((each, name) => pruneKey(each, name, nowMs, options), ring) }
  })
  return kids.map((name) => ({ did: 'prune', kid: name }))
}

/** Takes a key out at once; when it signed, another does. @throws see `revokeKey` */
export async function revoke(store: RingStore, kid: string, alg: Algorithm): Promise<{ signs: string | undefined }> {
  const spare = await generateKey(alg)
  const { ring } = await store.change(async (before, nowMs) => ({
    ring: revokeKey(before, kid, nowMs, spare.publicJwk),
    made: [spare],
  }))
  return { signs: activeKey(ring)?.kid }
}

/** Where a rotation is after what was safe has been done. */
export interface RotationState {
  readonly steps: readonly KeyStep[]
  /** Undefined when the rotation is over. */
  readonly next: { readonly step: 'activate' | 'prune'; readonly kid: string; readonly safeAt: number } | undefined
  /** The clock of the store. */
  readonly nowMs: number
}

/**
 * Does what is safe of a rotation now: begins one in a ring at rest, goes on with one that is under way.
 *
 * @param begin whether to begin one; without it, a ring at rest is left alone
 */
export async function rotate(store: RingStore, alg: Algorithm, begin: boolean): Promise<RotationState> {
  const steps: KeyStep[] = []
  let next: RotationState['next']
  const { nowMs } = await store.change(async (before, now) => {
    const made: GeneratedKey[] = []
    let ring = before
    for (;;) {
      const step = rotationStep(ring, now)
      const starts = step.do === 'add' && isAtRest(ring)
      if (starts && (!begin || steps.length > 0)) return { ring, made }
      if (step.do === 'wait') {
        next = { step: step.for, kid: step.kid, safeAt: step.until }
        return { ring, made }
      }
      if (step.do === 'add') {
        const key = await generateKey(alg)
        made.push(key)
        ring = addKey(ring, key.publicJwk, now)
        steps.push({ did: 'add', kid: key.kid })
      } else if (step.do === 'activate') {
        const retired = activeKey(ring)?.kid
        ring = activateKey(ring, step.kid, now)
        steps.push({ did: 'activate', kid: step.kid })
        if (retired !== undefined) steps.push({ did: 'retire', kid: retired })
      } else {
        ring = pruneKey(ring, step.kid, now)
        steps.push({ did: 'prune', kid: step.kid })
      }
    }
  })
  return { steps, next, nowMs }
}

/** A key as `--json` shows it. */
export interface KeyReport {
  readonly kid: string
  readonly alg: string
  readonly state: string
  /** When the state began, ISO 8601. */
  readonly since: string
  readonly revoked: boolean
  /** Tokens that were signed and have not expired, as far as instances have told. */
  readonly tokensInUse: number
  readonly longestTtlSeconds: number
  /** The name of the key it is encrypted under; null where it is not, or gone. */
  readonly encryptedUnder: string | null
  /** What may happen next, and from when on it is safe. */
  readonly next: { readonly step: 'activate' | 'prune'; readonly safeAt: string; readonly safe: boolean } | null
}

/** Every key of a ring, in the order in which they were added. */
export function reportKeys({ ring, nowMs, tokensInUse, wrappedUnder }: StoredRing): KeyReport[] {
  return ring.keys.map((key) => {
    const next = nextOf(ring, key)
    return {
      kid: key.kid,
      alg: key.publicJwk.alg,
      state: key.state,
      since: iso(sinceOf(key)),
      revoked: key.revoked,
      tokensInUse: tokensInUse.get(key.kid) ?? 0,
      longestTtlSeconds: key.longestTtlSeconds,
      encryptedUnder: wrappedUnder.get(key.kid) ?? null,
      next: next === undefined ? null : { step: next.step, safeAt: iso(next.safeAt), safe: nowMs >= next.safeAt },
    }
  })
}

/** By when a revoked key is dead, and where. */
export interface RevocationReport {
  readonly revoked: string
  readonly signs: string | null
  /** ISO 8601: from then on no instance signs with it, and none publishes it. */
  readonly instancesBy: string
  /** From then on a gateway with default settings, that reaches the API, refuses its tokens by itself. */
  readonly gatewayBy: string
  /** From then on verifiers that heed the max-age have asked for the keys again. */
  readonly verifiersBy: string
}

/** Computes the times from the clock of the store. */
export function reportRevocation(stored: StoredRing, revoked: string, signs: string | undefined): RevocationReport {
  const { jwksMaxAgeSeconds, lagSeconds } = stored.ring.timing
  const instances = stored.nowMs + lagSeconds * 1000
  const verifiers = instances + jwksMaxAgeSeconds * 1000
  return {
    revoked,
    signs: signs ?? null,
    instancesBy: iso(instances),
    gatewayBy: iso(verifiers + graceMs),
    verifiersBy: iso(verifiers),
  }
}

function over(ring: Ring, nowMs: number): string[] {
  return ring.keys.filter((key) => key.state === 'retired' && nowMs >= pruneSafeAt(ring, key)).map((key) => key.kid)
}

function sinceOf({ state, addedAt, activatedAt, retiredAt, goneAt }: RingKey): number {
  return { next: addedAt, active: activatedAt, retired: retiredAt, gone: goneAt }[state] ?? addedAt
}

function iso(time: number): string {
  return new Date(time).toISOString()
}
