import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { defaultFreshMs, maxFreshMs } from '../../src/token/fetch-jwks.ts'
import type { GeneratedKey } from '../../src/token/key.ts'
import { graceMs } from '../../src/token/key-refresh.ts'
import { createTokenCache } from '../../src/token/token-cache.ts'
import * as t from './test-issuer.ts'

let key: GeneratedKey
let next: GeneratedKey
let server: t.TestServer

beforeAll(async () => {
  key = await t.keyNamed('first')
  next = await t.keyNamed('next')
})

beforeEach(async () => {
  server = await t.startServer(t.publish([key]))
})

afterEach(() => server.close())

describe('a token that was verified before', () => {
  it('SEC-17 is answered at once, with the same identity', async () => {
    const verifier = t.verifierOf([t.trusted(server.url)])
    const token = t.tokenOf(key)
    const verified = await verifier.verify(token)
    expect(verifier.verify(`${token}`)).toBe(verified)
  })

  it('SEC-17 expires all the same', async () => {
    const verifier = t.verifierOf([t.trusted(server.url)])
    const token = t.tokenOf(key, { exp: t.NOW + 60 })
    const verified = await verifier.verify(token)
    verifier.clock.ms = t.nowMs + 89_999
    expect(verifier.verify(token)).toBe(verified)
    verifier.clock.ms = t.nowMs + 90_000
    expect(await t.refusalOf(verifier, token)).toEqual({ code: 'token_expired', reason: 'expired' })
    expect(await t.refusalOf(verifier, token)).toEqual({ code: 'token_expired', reason: 'expired' })
  })

  it('SEC-17 SEC-29 is refused once its key has left the key set, without being asked about again', async () => {
    const verifier = t.verifierOf([t.trusted(server.url)])
    const token = t.tokenOf(key, { exp: t.NOW + 3600 })
    await verifier.verify(token)
    server.answer(t.publish([next]))
    verifier.clock.ms = t.nowMs + defaultFreshMs + 1
    expect(await verifier.verify(token)).toBeTruthy() // starts the refresh
    await expect.poll(() => verifier.events.filter(({ type }) => type === 'jwks_loaded').length).toBe(2)
    verifier.clock.ms += 10_000
    expect(await t.refusalOf(verifier, token)).toEqual({ code: 'token_invalid', reason: 'key_unknown' })
  })

  it('SEC-29 is refused at its first use after a long pause', async () => {
    const verifier = t.verifierOf([t.trusted(server.url)])
    const token = t.tokenOf(key, { exp: t.NOW + 3600 })
    await verifier.verify(token)
    server.answer(t.publish([next]))
    verifier.clock.ms = t.nowMs + maxFreshMs + graceMs
    expect(await t.refusalOf(verifier, token)).toEqual({ code: 'token_invalid', reason: 'key_unknown' })
  })

  it('SEC-17 is verified anew when the key set has changed, and remembered when it has not', async () => {
    const verifier = t.verifierOf([t.trusted(server.url)])
    const token = t.tokenOf(key)
    const first = await verifier.verify(token)
    verifier.clock.ms = t.nowMs + defaultFreshMs + graceMs - 1
    expect(verifier.verify(token)).toBe(first)
    await expect.poll(() => verifier.events.length).toBe(2)
    expect(verifier.verify(token)).toBe(first)
    server.answer(t.publish([key, next]))
    await verifier.verify(t.tokenOf(next))
    const second = await verifier.verify(token)
    expect(second).not.toBe(first)
    expect(second).toEqual(first)
  })

  it('SEC-17 is judged anew when the issuers are replaced', async () => {
    const verifier = t.verifierOf([t.trusted(server.url)])
    const token = t.tokenOf(key)
    await verifier.verify(token)
    verifier.replaceIssuers([t.trusted(server.url, { audience: 'elsewhere' })])
    expect(await t.refusalOf(verifier, token)).toMatchObject({ reason: 'audience' })
    expect(server.requests).toHaveLength(2)
    verifier.replaceIssuers([])
    expect(await t.refusalOf(verifier, token)).toMatchObject({ reason: 'issuer' })
  })

  it('SEC-29 is refused at once after its key was removed, when the same issuers are put in place again', async () => {
    const verifier = t.verifierOf([t.trusted(server.url)])
    const token = t.tokenOf(key)
    await verifier.verify(token)
    server.answer(t.publish([next]))
    expect(await verifier.verify(token)).toBeTruthy()
    verifier.replaceIssuers([t.trusted(server.url)])
    expect(await t.refusalOf(verifier, token)).toEqual({ code: 'token_invalid', reason: 'key_unknown' })
  })

  it('is not remembered when the issuers are replaced while it is verified', async () => {
    const verifier = t.verifierOf([t.trusted(server.url)])
    const token = t.tokenOf(key)
    const underWay = verifier.verify(token)
    verifier.replaceIssuers([t.trusted(server.url, { audience: 'elsewhere' })])
    await underWay
    expect(await t.refusalOf(verifier, token)).toMatchObject({ reason: 'audience' })
  })

  it('keeps the former issuers when the new ones are wrong', async () => {
    const verifier = t.verifierOf([t.trusted(server.url)])
    expect(() => verifier.replaceIssuers([t.trusted(server.url, { audience: '' })])).toThrow(TypeError)
    expect(await verifier.verify(t.tokenOf(key))).toBeTruthy()
  })

  it('SEC-17 is looked up by SHA-256, and a refused token is not remembered', async () => {
    const seen: string[] = []
    const sha256 = (text: string) => {
      seen.push(text)
      return t.sha256(text)
    }
    const verifier = t.verifierOf([t.trusted(server.url)], { sha256 })
    const token = t.tokenOf(key, { aud: 'x' })
    await t.refusalOf(verifier, token)
    await t.refusalOf(verifier, token)
    expect(seen).toEqual([token, token])
    await t.refusalOf(verifier, 'a'.repeat(16_385))
    expect(seen).toHaveLength(2)
  })

  it('SEC-17 may be forgotten, as the number that is remembered is bounded', async () => {
    const verifier = t.verifierOf([t.trusted(server.url)], { cacheSize: 4 })
    const tokens = Array.from({ length: 20 }, (_, i) => t.tokenOf(key, { jti: `${i}` }))
    for (const token of tokens) await verifier.verify(token)
    expect(tokens.filter((token) => !(verifier.verify(token) instanceof Promise)).length).toBeLessThanOrEqual(4)
  })

  it('is verified each time when nothing is to be remembered', async () => {
    const verifier = t.verifierOf([t.trusted(server.url)], { cacheSize: 0 })
    const token = t.tokenOf(key)
    await verifier.verify(token)
    expect(verifier.verify(token)).toBeInstanceOf(Promise)
  })
})

describe('the cache', () => {
  it.each([2, 3, 10, 1000])('SEC-17 never holds more than %i entries', (size) => {
    const cache = createTokenCache<number>(size)
    for (let i = 0; i < size * 5; i++) cache.set(`${i}`, i)
    const held = Array.from({ length: size * 5 }, (_, i) => cache.get(`${i}`)).filter((value) => value !== undefined)
    expect(held.length).toBeLessThanOrEqual(size)
    expect(held.length).toBeGreaterThanOrEqual(Math.floor(size / 2))
  })

  it('keeps an entry for as long as it is used', () => {
    const cache = createTokenCache<number>(10)
    cache.set('used', -1)
    for (let i = 0; i < 100; i++) {
      cache.set(`${i}`, i)
      expect(cache.get('used')).toBe(-1)
    }
    expect(cache.get('0')).toBeUndefined()
  })

  it('gives no entry that was deleted or cleared, young or old', () => {
    const cache = createTokenCache<number>(4)
    for (const name of ['a', 'b', 'c', 'd']) cache.set(name, 1)
    cache.delete('a')
    cache.delete('c')
    expect(['a', 'b', 'c', 'd'].map((name) => cache.get(name))).toEqual([undefined, 1, undefined, 1])
    cache.clear()
    expect(['a', 'b', 'c', 'd'].map((name) => cache.get(name))).toEqual([undefined, undefined, undefined, undefined])
  })
})
