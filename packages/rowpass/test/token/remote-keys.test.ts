import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { RowpassEvent } from '../../src/events.ts'
import { defaultFreshMs, maxFreshMs, minFreshMs } from '../../src/token/fetch-jwks.ts'
import type { GeneratedKey } from '../../src/token/key.ts'
import {
  defaultMaxStaleMs,
  failedGraceMs,
  graceMs,
  maxRetryMs,
  type RemoteKeysOptions,
} from '../../src/token/key-refresh.ts'
import { createRemoteKeys, maxWaiting, type RemoteKeys } from '../../src/token/remote-keys.ts'
import * as t from './test-issuer.ts'

let first: GeneratedKey
let second: GeneratedKey
let server: t.TestServer
let clock: { ms: number }
let events: RowpassEvent[]

beforeAll(async () => {
  first = await t.keyNamed('first')
  second = await t.keyNamed('second')
})

beforeEach(async () => {
  server = await t.startServer(t.publish([first]))
  clock = { ms: t.nowMs }
  events = []
})

afterEach(() => server.close())

function keysOf(change: Partial<RemoteKeysOptions> = {}): RemoteKeys {
  return createRemoteKeys({
    iss: t.ISS,
    url: server.url,
    algorithms: ['ES256'],
    fetch,
    now: () => clock.ms,
    emit: (event) => events.push(event),
    ...change,
  })
}

/** What became of a search: the reason of the refusal, or "found". */
async function outcome(keys: RemoteKeys, kid: string): Promise<string> {
  return Promise.resolve(keys.find(kid)).then(
    () => 'found',
    (error: { reason: string }) => error.reason,
  )
}

const requests = () => server.requests.length
const ended = (count: number) => expect.poll(() => events.length).toBe(count)

describe('fetching', () => {
  it('starts with the first token, once for all that come together', async () => {
    const keys = keysOf()
    expect(requests()).toBe(0)
    expect(keys.current(clock.ms)).toBeUndefined()
    expect(await Promise.all(Array.from({ length: 100 }, () => outcome(keys, first.kid)))).toEqual(
      Array(100).fill('found'),
    )
    expect(requests()).toBe(1)
  })

  it.each([
    ['as long as the answer says', { 'cache-control': 'public, max-age=120' }, 120_000],
    ['no longer than the upper limit', { 'cache-control': 'max-age=86400' }, maxFreshMs],
    ['no shorter than the lower limit', { 'cache-control': 'max-age=1' }, minFreshMs],
    ['for the lower limit on no-store', { 'cache-control': 'no-store, max-age=500' }, minFreshMs],
    ['for the lower limit on no-cache', { 'cache-control': 'no-cache' }, minFreshMs],
    ['for the default when the answer says nothing', {}, defaultFreshMs],
    ['for the default when the answer says nonsense', { 'cache-control': 'max-age=soon' }, defaultFreshMs],
    ['less the age in a cache on the way', { 'cache-control': 'max-age=200', age: '80' }, 120_000],
    ['for the lower limit when older than its age', { 'cache-control': 'max-age=60', age: '100' }, minFreshMs],
  ])('is not repeated %s', async (_, headers, freshMs) => {
    server.answer(t.publish([first], headers as Record<string, string>))
    const keys = keysOf()
    await keys.find(first.kid)
    clock.ms = t.nowMs + freshMs - 1
    expect(keys.current(clock.ms)).toBeDefined()
    expect(await outcome(keys, first.kid)).toBe('found')
    expect(requests()).toBe(1)
    clock.ms = t.nowMs + freshMs
    expect(keys.current(clock.ms)).toBeDefined()
    await ended(2)
    expect(requests()).toBe(2)
  })

  it('tells what was found', async () => {
    server.answer(t.publish({ keys: [first.publicJwk, { ...second.publicJwk, use: 'enc' }] }))
    await keysOf().find(first.kid)
    expect(events).toEqual([
      {
        type: 'jwks_loaded',
        iss: t.ISS,
        keys: 1,
        skipped: 1,
        problems: [`kid "${second.kid}": "use" is not "sig"`],
        changed: true,
        durationMs: expect.any(Number),
      },
    ])
  })

  it('keeps the same set as long as the keys are the same, in any order', async () => {
    server.answer(t.publish([first, second]))
    const keys = keysOf()
    const { set } = await keys.find(first.kid)
    server.answer(t.publish([second, first]))
    clock.ms += defaultFreshMs
    keys.current(clock.ms)
    await ended(2)
    expect(keys.current(clock.ms)).toBe(set)
  })
})

describe('a kid that is not known', () => {
  it('is found within one fetch when the issuer has just published it', async () => {
    const keys = keysOf()
    await keys.find(first.kid)
    server.answer(t.publish([first, second]))
    clock.ms += 1000
    expect(await outcome(keys, second.kid)).toBe('found')
    expect(requests()).toBe(2)
  })

  it('SEC-26 costs one fetch when a thousand of them come together', async () => {
    const keys = keysOf()
    await keys.find(first.kid)
    clock.ms += 1000
    const outcomes = await Promise.all(Array.from({ length: 1000 }, (_, i) => outcome(keys, `invented-${i}`)))
    expect(new Set(outcomes)).toEqual(new Set(['key_unknown']))
    expect(requests()).toBe(2)
  })

  it('SEC-26 costs one fetch for each cooldown when they keep coming', async () => {
    const keys = keysOf({ now: Date.now, cooldownMs: 200 })
    await keys.find(first.kid)
    const end = Date.now() + 1000
    const starts = requests()
    for (let i = 0; Date.now() < end; i++) await outcome(keys, `invented-${i}`)
    expect(requests() - starts).toBeLessThanOrEqual(6)
    expect(requests() - starts).toBeGreaterThanOrEqual(2)
  })

  it('SEC-26 does not hide a real one that comes while a fetch for others is under way', async () => {
    const keys = keysOf({ cooldownMs: 20 })
    await keys.find(first.kid)
    clock.ms += 1000
    let release = () => {}
    const held = new Promise<void>((resolve) => {
      release = resolve
    })
    // The answer is made before the rotation and arrives after it.
    server.answer((request, response) => held.then(() => t.publish([first])(request, response)))
    const invented = outcome(keys, 'invented')
    await expect.poll(requests).toBe(2)
    const real = outcome(keys, second.kid)
    release()
    expect(await invented).toBe('key_unknown')
    server.answer(t.publish([first, second]))
    expect(await real).toBe('found')
    expect(requests()).toBe(3)
  })

  it('SEC-26 is in use within a second, fetch included, even when the last fetch has just been', async () => {
    const keys = keysOf({ now: Date.now })
    await keys.find(first.kid)
    await outcome(keys, 'invented')
    server.answer(t.publish([first, second]))
    const start = Date.now()
    expect(await outcome(keys, second.kid)).toBe('found')
    expect(Date.now() - start).toBeLessThan(1500)
  })

  it('is refused at once when too many wait already', async () => {
    const keys = keysOf()
    await keys.find(first.kid)
    clock.ms += 1000
    let release = () => {}
    const held = new Promise<void>((resolve) => {
      release = resolve
    })
    server.answer((request, response) => held.then(() => t.publish([first])(request, response)))
    const waiting = Array.from({ length: maxWaiting }, (_, i) => outcome(keys, `invented-${i}`))
    await expect.poll(requests).toBe(2)
    expect(await outcome(keys, 'one-more')).toBe('key_unknown')
    expect(await outcome(keys, first.kid)).toBe('found')
    release()
    expect(new Set(await Promise.all(waiting))).toEqual(new Set(['key_unknown']))
    server.answer(t.publish([first, second]))
    clock.ms += 1000
    expect(await outcome(keys, second.kid)).toBe('found')
  })

  it('does not hold up a known one', async () => {
    const keys = keysOf()
    await keys.find(first.kid)
    clock.ms += 1000
    server.answer(() => {}) // never answers
    void outcome(keys, 'invented')
    await expect.poll(requests).toBe(2)
    expect(await outcome(keys, first.kid)).toBe('found')
  })
})

describe('an issuer that does not answer', () => {
  it('SEC-27 leaves known keys in use up to the hard limit, and no longer', async () => {
    const keys = keysOf()
    await keys.find(first.kid)
    server.answer(t.refuseAll)
    for (let age = graceMs; age < defaultMaxStaleMs; age += 4 * graceMs) {
      clock.ms = t.nowMs + age
      expect(await outcome(keys, first.kid)).toBe('found')
    }
    clock.ms = t.nowMs + defaultMaxStaleMs - 1
    expect(await outcome(keys, first.kid)).toBe('found')
    clock.ms = t.nowMs + defaultMaxStaleMs
    expect(keys.current(clock.ms)).toBeUndefined()
    expect(await outcome(keys, first.kid)).toBe('keys_unavailable')
    clock.ms += maxRetryMs
    expect(await outcome(keys, first.kid)).toBe('keys_unavailable')
    expect(events.at(-1)).toEqual(expect.objectContaining({ type: 'jwks_failed', reason: 'status', usableForMs: 0 }))
  })

  it('SEC-27 is believed again as soon as it answers', async () => {
    const keys = keysOf()
    await keys.find(first.kid)
    server.answer(t.refuseAll)
    clock.ms = t.nowMs + defaultMaxStaleMs
    expect(await outcome(keys, first.kid)).toBe('keys_unavailable')
    server.answer(t.publish([first]))
    clock.ms += maxRetryMs
    expect(await outcome(keys, first.kid)).toBe('found')
  })

  it('SEC-27 does not hold up known keys while it hangs', async () => {
    const keys = keysOf({ timeoutMs: 100 })
    await keys.find(first.kid)
    server.answer(() => {}) // never answers
    clock.ms = t.nowMs + defaultFreshMs
    const start = performance.now()
    expect(await outcome(keys, first.kid)).toBe('found')
    expect(performance.now() - start).toBeLessThan(80)
    await ended(2)
    clock.ms += failedGraceMs + 1
    expect(await outcome(keys, first.kid)).toBe('found') // waits for the timeout, then goes on with what it has
    expect(events.filter(({ type }) => type === 'jwks_failed')).toHaveLength(2)
  })

  it('is asked less and less often', async () => {
    server.answer(t.refuseAll)
    const keys = keysOf()
    for (let second = 0; second < 300; second++) {
      expect(await outcome(keys, first.kid)).toBe('keys_unavailable')
      clock.ms += 1000
    }
    expect(requests()).toBeGreaterThanOrEqual(10)
    expect(requests()).toBeLessThanOrEqual(5 + 300_000 / maxRetryMs)
  })

  it('makes tokens with unknown keys fail at once between two attempts', async () => {
    const keys = keysOf()
    await keys.find(first.kid)
    server.answer(t.refuseAll)
    clock.ms += 1000
    expect(await outcome(keys, second.kid)).toBe('keys_unavailable')
    expect(await outcome(keys, second.kid)).toBe('keys_unavailable')
    expect(requests()).toBe(2)
    server.answer(t.publish([second]))
    clock.ms += 2000
    expect(await outcome(keys, second.kid)).toBe('found')
  })
})

describe('a key that its issuer removed', () => {
  it('SEC-29 stops verifying within the documented bound while the issuer answers', async () => {
    server.answer(t.publish([first, second], { 'cache-control': 'max-age=86400' }))
    const keys = keysOf()
    await keys.find(first.kid)
    server.answer(t.publish([second]))
    clock.ms = t.nowMs + maxFreshMs - 1
    expect(await outcome(keys, first.kid)).toBe('found')
    clock.ms = t.nowMs + maxFreshMs + graceMs
    expect(await outcome(keys, first.kid)).toBe('key_unknown')
    expect(keys.current(clock.ms)?.keys.has(first.kid)).toBe(false)
    expect(await outcome(keys, second.kid)).toBe('found')
  })

  it.each([
    ['no longer than it is told to', { minMs: 1000, maxMs: 2000 }, 'max-age=86400', 2000],
    ['as short as it is told to', { minMs: 1000, maxMs: 2000 }, 'max-age=0', 1000],
    ['no longer than it is told to when the issuer says nothing', { minMs: 1000, maxMs: 2000 }, '', 2000],
  ])('SEC-29 is kept %s', async (_, freshLimits, cacheControl, freshMs) => {
    server.answer(t.publish([first], { 'cache-control': cacheControl }))
    const keys = keysOf({ freshLimits })
    await keys.find(first.kid)
    server.answer(t.publish([second]))
    clock.ms = t.nowMs + freshMs + graceMs - 1
    expect(keys.current(clock.ms)?.keys.has(first.kid)).toBe(true)
    clock.ms = t.nowMs + freshMs + graceMs
    expect(await outcome(keys, first.kid)).toBe('key_unknown')
  })

  it('SEC-29 is refused at once when the keys are distrusted, also when an older answer is still on its way', async () => {
    const keys = keysOf()
    await keys.find(first.kid)
    keys.distrust()
    server.answer(t.publish([second]))
    expect(keys.current(clock.ms)).toBeUndefined()
    expect(await outcome(keys, first.kid)).toBe('key_unknown')

    let answerOld: () => void = () => undefined
    server.answer((request, response) => {
      answerOld = () => t.publish([first, second])(request, response)
    })
    clock.ms += defaultFreshMs
    keys.current(clock.ms) // a refresh in the background, which hangs
    await expect.poll(() => requests()).toBe(3)
    keys.distrust()
    const asked = outcome(keys, first.kid)
    server.answer(t.publish([second]))
    answerOld()
    expect(await asked).toBe('key_unknown')
  })

  it('SEC-27 SEC-29 is used as before when the keys are distrusted and the issuer does not answer', async () => {
    const keys = keysOf()
    await keys.find(first.kid)
    server.answer(t.refuseAll)
    keys.distrust()
    expect(await outcome(keys, first.kid)).toBe('found')
    expect(requests()).toBe(2)
  })

  it('SEC-29 stops at the next refresh when the set has become empty', async () => {
    const keys = keysOf()
    await keys.find(first.kid)
    server.answer(t.publish({ keys: [] }))
    clock.ms = t.nowMs + defaultFreshMs
    keys.current(clock.ms)
    await ended(2)
    expect(keys.current(clock.ms)?.keys.size).toBe(0)
  })

  it('SEC-29 goes on no longer than the hard limit when each refresh fails', async () => {
    const keys = keysOf({ maxStaleMs: 700_000 })
    await keys.find(first.kid)
    server.answer(t.publish({ keys: 'none' }))
    clock.ms = t.nowMs + 699_999
    expect(await outcome(keys, first.kid)).toBe('found')
    clock.ms = t.nowMs + 700_000
    expect(await outcome(keys, first.kid)).toBe('keys_unavailable')
  })
})

describe('a clock that is set back', () => {
  it('makes the keys be fetched again, and locks nobody out', async () => {
    const keys = keysOf()
    await keys.find(first.kid)
    clock.ms = t.nowMs - 86_400_000
    expect(await outcome(keys, first.kid)).toBe('found')
    await ended(2)
    server.answer(t.publish([first, second]))
    clock.ms -= 86_400_000
    expect(await outcome(keys, second.kid)).toBe('found')
  })
})
