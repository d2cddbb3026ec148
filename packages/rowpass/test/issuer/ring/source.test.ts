import { beforeEach, describe, expect, it } from 'vitest'
import type { KeyUse, RingCopy } from '../../../src/issuer/ring/ring-store.ts'
import { createRingSource } from '../../../src/issuer/ring/source.ts'
import { generateKey } from '../../../src/token/key.ts'

const timing = { jwksMaxAgeSeconds: 300, lagSeconds: 15, skewSeconds: 60, ttlSeconds: 900 }
const [one, two] = [await generateKey(), await generateKey()]

/** A ring elsewhere, whose answers the test decides; stores have tests of their own. */
describe('an instance with a ring elsewhere', () => {
  let now: number
  let copy: RingCopy
  let exchanges: (readonly KeyUse[])[]
  let fail: Error | undefined
  beforeEach(() => {
    now = 1_000_000
    exchanges = []
    fail = undefined
    copy = {
      timing,
      published: [one.publicJwk, two.publicJwk],
      active: { kid: one.kid, longestTtlSeconds: 900 },
    }
  })
  const source = () =>
    createRingSource(
      {
        async exchange(uses) {
          if (fail !== undefined) throw fail
          exchanges.push(uses)
          return copy
        },
        privateJwk: async (kid) => [one, two].find((key) => key.kid === kid)?.privateJwk,
      },
      { now: () => now, wallClock: () => 0 },
    )
  const counted = () => exchanges.flat().reduce((sum, { tokens }) => sum + tokens, 0)

  it('asks once for all that it signs and publishes within the lag', async () => {
    const keys = source()
    for (let n = 0; n < 100; n++) await keys.signingKey()
    await keys.jwks()
    expect(exchanges).toEqual([[{ kid: undefined, expiresMinute: 15, tokens: 1, longestTtlSeconds: 900 }]])
    now += 15_000
    await keys.jwks()
    expect(exchanges[1]).toEqual([{ kid: one.kid, expiresMinute: 15, tokens: 99, longestTtlSeconds: 900 }])
  })

  it('asks once for all that come together, and counts each token', async () => {
    let read = 0
    const keys = createRingSource(
      {
        async exchange(uses) {
          await new Promise((resolve) => setTimeout(resolve, 20))
          exchanges.push(uses)
          return copy
        },
        async privateJwk() {
          read++
          await new Promise((resolve) => setTimeout(resolve, 20))
          return one.privateJwk
        },
      },
      { now: () => now, wallClock: () => 0 },
    )
    const all = [...Array.from({ length: 50 }, () => keys.signingKey()), keys.jwks()]
    await Promise.all(all)
    expect([exchanges.length, read]).toEqual([1, 1])
    now += 15_000
    await Promise.all([keys.jwks(), keys.jwks()])
    expect([exchanges.length, counted()]).toEqual([2, 50])
  })

  it('fails for all that come together when it fails, and asks again for the next', async () => {
    let asked = 0
    fail = new Error('the database is away')
    const keys = createRingSource({
      async exchange() {
        asked++
        await new Promise((resolve) => setTimeout(resolve, 20))
        if (fail !== undefined) throw fail
        return copy
      },
      privateJwk: async () => one.privateJwk,
    })
    const all = await Promise.allSettled(Array.from({ length: 10 }, () => keys.signingKey()))
    expect(all.map(({ status }) => status)).toEqual(all.map(() => 'rejected'))
    expect(asked).toBe(1)
    fail = undefined
    expect((await keys.signingKey()).kid).toBe(one.kid)
    expect(asked).toBe(2)
  })

  it('asks by itself when a request has gone in whose name another had asked', async () => {
    let asked = 0
    const keys = createRingSource({
      exchange: () => (asked++ === 0 ? new Promise(() => {}) : Promise.resolve(copy)),
      privateJwk: async () => one.privateJwk,
    })
    void keys.jwks()
    expect((await keys.signingKey()).kid).toBe(one.kid)
    expect((await keys.jwks()).keys).toHaveLength(2)
    expect(asked).toBe(2)
  })

  it('SEC-29 signs and publishes nothing with a copy that is older than the lag', async () => {
    const keys = source()
    await keys.signingKey()
    fail = new Error('the database is away')
    now += 14_999
    await keys.signingKey()
    now += 1
    await expect(keys.signingKey()).rejects.toThrow('away')
    await expect(keys.jwks()).rejects.toThrow('away')
    fail = undefined
    await keys.signingKey()
    // Nothing that was signed is lost, what was not signed is not counted.
    expect(counted()).toBe(3)
  })

  it('SEC-23 asks again after a sleep of the machine, and when its clock was set back', async () => {
    let wall = 0
    const keys = createRingSource(
      {
        async exchange(uses) {
          exchanges.push(uses)
          return copy
        },
        privateJwk: async () => one.privateJwk,
      },
      { now: () => now, wallClock: () => wall },
    )
    for (const time of [0, 14_999, 15_000, 14_000, 14_001]) {
      wall = time
      await keys.jwks()
    }
    expect(exchanges).toHaveLength(3)
  })

  it('counts the age of a copy from before it was asked for', async () => {
    const slow = createRingSource(
      {
        async exchange() {
          now += 10_000
          return copy
        },
        privateJwk: async () => one.privateJwk,
      },
      { now: () => now },
    )
    await slow.jwks()
    copy = { ...copy, published: [] }
    now += 4_999
    expect((await slow.jwks()).keys).toHaveLength(2)
    now += 1
    expect((await slow.jwks()).keys).toHaveLength(0)
  })

  it('signs with the key of the copy that has the lifetime noted, also when keys change places meanwhile', async () => {
    const keys = source()
    copy = { ...copy, active: { kid: two.kid, longestTtlSeconds: 900 } }
    const pending = keys.signingKey(3600)
    await Promise.resolve()
    copy = { ...copy, active: { kid: two.kid, longestTtlSeconds: 3600 } }
    expect((await pending).kid).toBe(two.kid)
    expect(counted()).toBe(1)
  })

  it('gives up when the lifetime is never noted, and when no key signs', async () => {
    await expect(source().signingKey(3600)).rejects.toMatchObject({ code: 'key_ring_busy' })
    copy = { ...copy, active: undefined }
    await expect(source().signingKey()).rejects.toMatchObject({ code: 'key_missing' })
  })

  it('refuses a private half that is of another key', async () => {
    const wrong = createRingSource({ exchange: async () => copy, privateJwk: async () => two.privateJwk })
    await expect(wrong.signingKey()).rejects.toMatchObject({ code: 'key_invalid' })
  })

  it('keeps no more counters than there is room for', async () => {
    const keys = source()
    for (let minute = 1; minute <= 200; minute++) await keys.signingKey(Math.min(900, minute))
    for (const uses of exchanges) expect(uses.length).toBeLessThanOrEqual(65)
  })
})
