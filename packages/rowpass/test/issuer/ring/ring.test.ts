import { describe, expect, it } from 'vitest'
import {
  activateKey,
  activateSafeAt,
  activeKey,
  addKey,
  createRing,
  isAtRest,
  maxGoneKeys,
  maxLiveKeys,
  nextOf,
  noteTtl,
  pruneKey,
  pruneSafeAt,
  publishedKeys,
  type Ring,
  retireKey,
  revokeKey,
  rotationStep,
} from '../../../src/issuer/ring/ring.ts'
import type { PublicJwk } from '../../../src/token/key.ts'

const timing = { jwksMaxAgeSeconds: 300, lagSeconds: 15, skewSeconds: 60, ttlSeconds: 900 }
const start = Date.parse('2026-01-01T00:00:00Z')
const seconds = (count: number) => start + count * 1000
const key = (kid: string): PublicJwk => ({ kty: 'EC', use: 'sig', alg: 'ES256', kid, crv: 'P-256', x: kid, y: kid })
const states = (ring: Ring) => Object.fromEntries(ring.keys.map(({ kid, state }) => [kid, state]))
const published = (ring: Ring) => publishedKeys(ring).map(({ kid }) => kid)

/** `a` signs, `b` was added after 1000 s. */
const waiting = addKey(addKey(createRing(timing), key('a'), start), key('b'), seconds(1000))
const safeToActivate = 1000 + 15 + 300 + 60
/** `b` took over. */
const rotated = activateKey(waiting, 'b', seconds(safeToActivate))
const safeToPrune = safeToActivate + 15 + 900 + 60

describe('a key ring', () => {
  it('signs with its first key at once, and publishes the next one without signing with it', () => {
    expect(states(waiting)).toEqual({ a: 'active', b: 'next' })
    expect(published(waiting)).toEqual(['a', 'b'])
    expect(activeKey(waiting)?.kid).toBe('a')
    expect(activeKey(createRing(timing))).toBeUndefined()
  })

  it('SEC-23 lets a new key sign once every cached set has it, and not a millisecond before', () => {
    expect(activateSafeAt(waiting, waiting.keys[1]!)).toBe(seconds(safeToActivate))
    expect(() => activateKey(waiting, 'b', seconds(safeToActivate) - 1)).toThrow(
      expect.objectContaining({ code: 'key_too_early', detail: 'b: safe from 2026-01-01T00:22:55.000Z on, in 1 s' }),
    )
    expect(states(rotated)).toEqual({ a: 'retired', b: 'active' })
    expect(published(rotated)).toEqual(['a', 'b'])
  })

  it('SEC-23 publishes an old key until the last token it signed is over, and not a millisecond less', () => {
    expect(pruneSafeAt(rotated, rotated.keys[0]!)).toBe(seconds(safeToPrune))
    expect(() => pruneKey(rotated, 'a', seconds(safeToPrune) - 1)).toThrow(
      expect.objectContaining({ code: 'key_too_early' }),
    )
    const pruned = pruneKey(rotated, 'a', seconds(safeToPrune))
    expect(states(pruned)).toEqual({ a: 'gone', b: 'active' })
    expect(published(pruned)).toEqual(['b'])
  })

  it('SEC-23 publishes it for longer when a longer token was signed, also one signed in the lag', () => {
    const longer = noteTtl(rotated, 'a', 3600)
    expect(pruneSafeAt(longer, longer.keys[0]!)).toBe(seconds(safeToPrune - 900 + 3600))
    expect(noteTtl(longer, 'a', 60)).toBe(longer)
    for (const ttl of [0, -1, Number.NaN, 86_401]) expect(() => noteTtl(rotated, 'a', ttl)).toThrow(TypeError)
  })

  it('SEC-23 goes ahead of time only when it is told to', () => {
    expect(states(activateKey(waiting, 'b', seconds(1001), { force: true }))).toEqual({ a: 'retired', b: 'active' })
    expect(states(pruneKey(rotated, 'a', seconds(safeToActivate), { force: true }))).toEqual({ a: 'gone', b: 'active' })
    expect(states(retireKey(rotated, 'b', seconds(9000), { force: true }))).toEqual({ a: 'retired', b: 'retired' })
  })

  it('lets go of a key that never signed at once', () => {
    const retired = retireKey(waiting, 'b', seconds(1001))
    expect(states(pruneKey(retired, 'b', seconds(1001)))).toEqual({ a: 'active', b: 'gone' })
  })

  it.each<[string, () => Ring, string]>([
    ['a key that it does not have', () => activateKey(waiting, 'z', seconds(9000)), 'key_unknown'],
    ['activating the key that signs', () => activateKey(waiting, 'a', seconds(9000)), 'key_state_wrong'],
    ['activating a retired key', () => activateKey(rotated, 'a', seconds(9000)), 'key_state_wrong'],
    ['retiring the key that signs', () => retireKey(waiting, 'a', seconds(9000)), 'key_state_wrong'],
    ['pruning a key that signs', () => pruneKey(waiting, 'a', seconds(9000), { force: true }), 'key_state_wrong'],
    ['pruning a key that is to sign', () => pruneKey(waiting, 'b', seconds(9000), { force: true }), 'key_state_wrong'],
    ['a lifetime of a key that does not sign yet', () => noteTtl(waiting, 'b', 60), 'key_state_wrong'],
    ['the same key twice', () => addKey(waiting, key('a'), seconds(9000)), 'key_known'],
    ['a key that is gone', () => addKey(revokeKey(waiting, 'b', seconds(9000)), key('b'), seconds(9000)), 'key_known'],
    [
      'more keys than verifiers read',
      () =>
        Array.from({ length: maxLiveKeys + 1 }, (_, n) => key(`k${n}`)).reduce(
          (r, k) => addKey(r, k, start),
          createRing(timing),
        ),
      'key_ring_full',
    ],
  ])('refuses %s', (_, step, code) => {
    expect(step).toThrow(expect.objectContaining({ code }))
  })

  it('takes a revoked key out at once, and signs with the key that is published the longest', () => {
    const three = addKey(waiting, key('c'), seconds(1100))
    const revoked = revokeKey(three, 'a', seconds(1200))
    expect(states(revoked)).toEqual({ a: 'gone', b: 'active', c: 'next' })
    expect(published(revoked)).toEqual(['b', 'c'])
    expect(revoked.keys[0]).toMatchObject({ revoked: true, goneAt: seconds(1200) })
    expect(states(revokeKey(rotated, 'a', seconds(2000)))).toEqual({ a: 'gone', b: 'active' })
    expect(() => revokeKey(revoked, 'a', seconds(1300))).toThrow(expect.objectContaining({ code: 'key_state_wrong' }))
  })

  it('signs with the replacement when no other key is there, and asks for one', () => {
    const alone = addKey(createRing(timing), key('a'), start)
    expect(states(revokeKey(alone, 'a', seconds(5), key('r')))).toEqual({ a: 'gone', r: 'active' })
    expect(states(revokeKey(waiting, 'a', seconds(5), key('r')))).toEqual({ a: 'gone', b: 'active' })
    expect(() => revokeKey(alone, 'a', seconds(5))).toThrow(TypeError)
  })

  it('remembers keys that are gone, up to a limit, and revoked ones the longest', () => {
    let ring = revokeKey(addKey(addKey(createRing(timing), key('a'), start), key('evil'), start), 'evil', start)
    for (let n = 0; n < maxGoneKeys + 5; n++) {
      ring = retireKey(addKey(ring, key(`k${n}`), seconds(n)), `k${n}`, seconds(n))
      ring = pruneKey(ring, `k${n}`, seconds(n))
    }
    const gone = ring.keys.filter(({ state }) => state === 'gone').map(({ kid }) => kid)
    expect(gone).toHaveLength(maxGoneKeys)
    expect(gone).toContain('evil')
    expect(gone).toContain(`k${maxGoneKeys + 4}`)
  })
})

describe('a rotation', () => {
  it('adds, waits, activates, waits, prunes, and is at rest', () => {
    const steps: unknown[] = []
    let ring = addKey(createRing(timing), key('a'), start)
    let now = seconds(1000)
    expect(isAtRest(ring)).toBe(true)
    do {
      const step = rotationStep(ring, now)
      steps.push([(now - start) / 1000, step.do])
      if (step.do === 'add') ring = addKey(ring, key('b'), now)
      if (step.do === 'activate') ring = activateKey(ring, step.kid, now)
      if (step.do === 'prune') ring = pruneKey(ring, step.kid, now)
      if (step.do === 'wait') now = step.until
    } while (!isAtRest(ring))
    expect(steps).toEqual([
      [1000, 'add'],
      [1000, 'wait'],
      [safeToActivate, 'activate'],
      [safeToActivate, 'wait'],
      [safeToPrune, 'prune'],
    ])
    expect(states(ring)).toEqual({ a: 'gone', b: 'active' })
  })

  it('begins in an empty ring, and goes on after a forced retirement', () => {
    expect(rotationStep(createRing(timing), start)).toEqual({ do: 'add' })
    const idle = retireKey(addKey(createRing(timing), key('a'), start), 'a', start, { force: true })
    expect(rotationStep(idle, start)).toEqual({ do: 'add' })
    expect(isAtRest(idle)).toBe(false)
  })

  it('tells of each key what may happen next, and when', () => {
    expect(nextOf(waiting, waiting.keys[0]!)).toBeUndefined()
    expect(nextOf(waiting, waiting.keys[1]!)).toEqual({ step: 'activate', safeAt: seconds(safeToActivate) })
    expect(nextOf(rotated, rotated.keys[0]!)).toEqual({ step: 'prune', safeAt: seconds(safeToPrune) })
  })
})
