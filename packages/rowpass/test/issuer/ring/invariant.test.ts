/**
 * The one promise of a key ring, against a model of the world: instances that sign and publish with copies of the ring of
 * any age up to the lag, and verifiers that keep a key set for any time up to its max-age, with clocks that differ.
 */
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  activateKey,
  activeKey,
  addKey,
  createRing,
  noteTtl,
  pruneKey,
  publishedKeys,
  type Ring,
  type RingTiming,
  retireKey,
  rotationStep,
} from '../../../src/issuer/ring/ring.ts'
import type { PublicJwk } from '../../../src/token/key.ts'

/** Every ring there was, by the time from which on it was in force. */
type History = readonly { readonly from: number; readonly ring: Ring }[]

/** What an operator tries after some time; what is refused changes nothing. Then a token is signed. */
interface Action {
  /** Seconds, or the very moment from which the next step is safe. */
  readonly after: number | 'safe'
  readonly what: string
  readonly which: number
  readonly signature: {
    /** How long after the action, and how old the copy is that it is signed with: shares of the lag. */
    readonly after: number
    readonly copyAge: number
    readonly ttlSeconds: number
  }
}

interface Token {
  readonly kid: string
  readonly signedAt: number
  /** Until when a verifier may accept it, with its tolerance and the clocks of both. */
  readonly goodUntil: number
}

const timing = fc.record({
  jwksMaxAgeSeconds: fc.integer({ min: 0, max: 600 }),
  lagSeconds: fc.integer({ min: 0, max: 60 }),
  skewSeconds: fc.integer({ min: 0, max: 90 }),
  ttlSeconds: fc.integer({ min: 1, max: 1200 }),
})

const shareOf = fc.constantFrom(0, 0.5, 0.999)

const action = fc.record<Action>({
  after: fc.oneof(fc.integer({ min: 0, max: 700 }), fc.constantFrom<('safe' | 1)[]>('safe', 'safe', 1)),
  what: fc.constantFrom('add', 'activate', 'retire', 'prune', 'rotate', 'rotate', 'rotate', 'rotate'),
  which: fc.nat({ max: 20 }),
  signature: fc.record({ after: shareOf, copyAge: shareOf, ttlSeconds: fc.integer({ min: 1, max: 3000 }) }),
})

/** A moment in the life of a token, and the ages of the verifier's set and of the copy that it was made from. */
const look = fc.record({
  when: fc.constantFrom(0, 0.3, 0.7, 1),
  cacheAge: fc.constantFrom(0, 0.5, 1),
  copyAge: fc.constantFrom(0, 0.5, 1),
})

const ringAt = (history: History, at: number): Ring | undefined => history.findLast(({ from }) => from <= at)?.ring

/** Never forces. */
function attempt(ring: Ring, what: string, which: number, now: number, fresh: () => PublicJwk): Ring {
  const kid = ring.keys[which % ring.keys.length]!.kid
  try {
    if (what === 'add') return addKey(ring, fresh(), now)
    if (what === 'activate') return activateKey(ring, kid, now)
    if (what === 'retire') return retireKey(ring, kid, now)
    if (what === 'prune') return pruneKey(ring, kid, now)
    const step = rotationStep(ring, now)
    if (step.do === 'add') return addKey(ring, fresh(), now)
    if (step.do === 'activate') return activateKey(ring, step.kid, now)
    return step.do === 'prune' ? pruneKey(ring, step.kid, now) : ring
  } catch {
    return ring
  }
}

interface Life {
  readonly history: History
  readonly tokens: readonly Token[]
}

/** Lets time pass. */
function live(times: RingTiming, actions: readonly Action[]): Life {
  let made = 0
  let now = 0
  const fresh = (): PublicJwk => ({ kty: 'EC', use: 'sig', alg: 'ES256', kid: `k${made++}` })
  const history = [{ from: 0, ring: addKey(createRing(times), fresh(), 0) }]
  const tokens: Token[] = []
  for (const { after, what, which, signature } of actions) {
    const ring = history.at(-1)!.ring
    const step = rotationStep(ring, now)
    now = after === 'safe' ? (step.do === 'wait' ? step.until : now) : now + after * 1000
    history.push({ from: now, ring: attempt(ring, what, which, now, fresh) })
    now += signature.after * times.lagSeconds * 1000
    tokens.push(...sign(history, now, signature))
  }
  return { history, tokens }
}

/** Notes the lifetime in the ring before it signs, as a store does; signs nothing when that is refused. */
function sign(
  history: { from: number; ring: Ring }[],
  at: number,
  { copyAge, ttlSeconds }: Action['signature'],
): Token[] {
  const inForce = ringAt(history, at)!
  const { lagSeconds, skewSeconds } = inForce.timing
  const { kid } = activeKey(ringAt(history, Math.max(0, at - copyAge * lagSeconds * 1000))!)!
  try {
    history.push({ from: at, ring: noteTtl(inForce, kid, ttlSeconds) })
  } catch {
    return []
  }
  return [{ kid, signedAt: at, goodUntil: at + (ttlSeconds + skewSeconds) * 1000 }]
}

describe('the key ring', () => {
  it('SEC-23 never has a good token refused, whatever is tried, by whom it was signed and who looks at it when', () => {
    let looked = 0
    fc.assert(
      fc.property(
        timing,
        fc.array(action, { minLength: 5, maxLength: 40 }),
        fc.array(look, { minLength: 4, maxLength: 12 }),
        (times, actions, looks) => {
          const { jwksMaxAgeSeconds, lagSeconds } = times
          const { history, tokens } = live(times, actions)
          for (const { kid, signedAt, goodUntil } of tokens) {
            for (const { when, cacheAge, copyAge } of looks) {
              const seenAt = signedAt + when * (goodUntil - signedAt - 1)
              const madeAt = seenAt - cacheAge * jwksMaxAgeSeconds * 1000 - copyAge * lagSeconds * 1000
              const set = ringAt(history, madeAt)
              if (set === undefined) continue // there was no ring to fetch yet
              looked += 1
              // Not an assertion each: there are a hundred thousand of them.
              if (!publishedKeys(set).some((key) => key.kid === kid)) expect.fail(`${kid} is not published`)
            }
          }
        },
      ),
      { numRuns: 1_000 },
    )
    expect(looked).toBeGreaterThan(10_000)
  })

  it('has one key that signs at any time, and no key twice', () => {
    fc.assert(
      fc.property(timing, fc.array(action, { maxLength: 60 }), (times, actions) => {
        for (const { ring } of live(times, actions).history) {
          expect(ring.keys.filter(({ state }) => state === 'active')).toHaveLength(1)
          expect(new Set(ring.keys.map(({ kid }) => kid)).size).toBe(ring.keys.length)
        }
      }),
      { numRuns: 200 },
    )
  })
})
