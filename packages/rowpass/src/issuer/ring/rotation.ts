/**
 * The whole dance of a rotation: what is safe to do with a ring now, or until when to wait. Asked again after each step,
 * it never does a step twice, so a rotation that was left can be taken up at any time.
 */
import type { RingKey } from './ring.ts'
import { activateSafeAt, activeKey, pruneSafeAt, type Ring } from './ring.ts'

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
