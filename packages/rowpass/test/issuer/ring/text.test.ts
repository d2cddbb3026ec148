import { describe, expect, it } from 'vitest'
import { activateKey, addKey, createRing, pruneKey, type Ring } from '../../../src/issuer/ring/ring.ts'
import { fixedRing } from '../../../src/issuer/ring/source.ts'
import { formatKeyRing, parseKeyRing } from '../../../src/issuer/ring/text.ts'
import { generateKey } from '../../../src/token/key.ts'

const timing = { jwksMaxAgeSeconds: 300, lagSeconds: 15, skewSeconds: 60, ttlSeconds: 900 }
const start = Date.parse('2026-01-01T00:00:00Z')
const [a, b, c] = [await generateKey(), await generateKey('EdDSA'), await generateKey('RS256')]

/** `a` is gone, `b` signs, `c` is next. */
const ring = [
  (each: Ring) => addKey(each, a.publicJwk, start),
  (each: Ring) => addKey(each, b.publicJwk, start),
  (each: Ring) => activateKey(each, b.kid, start + 1, { force: true }),
  (each: Ring) => pruneKey(each, a.kid, start + 2, { force: true }),
  (each: Ring) => addKey(each, c.publicJwk, start + 3),
].reduce((each, step) => step(each), createRing(timing))
const privateRing = {
  ring,
  privateJwks: new Map([b, c].map(({ kid, privateJwk }) => [kid, privateJwk])),
  uses: [{ kid: b.kid, expiresMinute: 29_000_000, tokens: 3 }],
}
const text = formatKeyRing(privateRing)

describe('a ring as text', () => {
  it('is read as it was written, with times that a person can read', async () => {
    expect(await parseKeyRing(text)).toEqual(privateRing)
    expect(text).toContain('"addedAt": "2026-01-01T00:00:00.003Z"')
    expect(text).not.toContain(a.privateJwk.d)
  })

  // biome-ignore lint/suspicious/noExplicitAny: each case breaks one member of valid JSON
  it.each<[string, (value: any) => void, string]>([
    [
      'another version',
      (value) => {
        value.version = 2
      },
      'version is not 1',
    ],
    [
      'no list of keys',
      (value) => {
        value.keys = {}
      },
      'keys is not a list',
    ],
    [
      'a key that is none',
      (value) => {
        value.keys = ['canary']
      },
      'key 1 is not an object',
    ],
    [
      'a state that is none',
      (value) => {
        value.keys[1].state = 'canary'
      },
      'key 2: state is not one of',
    ],
    [
      'a kid of another key',
      (value) => {
        value.keys[1].kid = c.kid
      },
      'key 2: kid is not the thumbprint',
    ],
    [
      'a public half alone',
      (value) => {
        value.keys[1].jwk = b.publicJwk
      },
      'key 2: The private key has no member',
    ],
    [
      'halves of two keys',
      (value) => {
        value.keys[1].jwk.d = a.privateJwk.d
      },
      'key 2: ',
    ],
    [
      'a private half of what is gone',
      (value) => {
        value.keys[0].jwk = a.privateJwk
      },
      'key 1 is gone',
    ],
    [
      'a key without its time',
      (value) => {
        value.keys[1].activatedAt = 'soon'
      },
      'key 2: activatedAt',
    ],
    [
      'a lifetime that is none',
      (value) => {
        value.keys[1].longestTtlSeconds = '900'
      },
      'key 2: longestTtl',
    ],
    [
      'a key twice',
      (value) => {
        value.keys.push(value.keys[1])
      },
      'it holds one key twice',
    ],
    [
      'two that sign',
      (value) => {
        Object.assign(value.keys[2], { state: 'active', activatedAt: value.keys[1].activatedAt })
      },
      'two of its keys are active',
    ],
    [
      'a timing that is none',
      (value) => {
        value.timing.lagSeconds = -1
      },
      'timing.lagSeconds is not a number',
    ],
    [
      'a max-age in parts',
      (value) => {
        value.timing.jwksMaxAgeSeconds = 0.5
      },
      'is not a whole number',
    ],
    [
      'counts that are none',
      (value) => {
        value.uses = ['canary']
      },
      'uses holds something that is not a count',
    ],
  ])('SEC-25 is refused with %s, and not quoted', async (_, change, problem) => {
    const value = JSON.parse(text)
    change(value)
    const failure = await parseKeyRing(JSON.stringify(value)).catch((error) => error)
    expect(failure).toMatchObject({ code: 'key_invalid', detail: expect.stringContaining(problem) })
    for (const secret of ['canary', a.privateJwk.d, b.privateJwk.d])
      expect(failure.stack + failure.detail).not.toContain(secret)
  })

  it('SEC-25 is refused when it is no JSON, and not quoted', async () => {
    for (const input of [text.slice(0, -5), '[]', 'null', '']) {
      const failure = await parseKeyRing(input).catch((error) => error)
      expect(failure).toMatchObject({ code: 'key_invalid', detail: 'The key ring: it is not a JSON object' })
      expect(failure.cause).toBeUndefined()
    }
  })
})

describe('a ring that is part of the configuration', () => {
  it('SEC-20 signs with its active key, and publishes the public halves of all that are not gone', async () => {
    const source = fixedRing(await parseKeyRing(text))
    expect((await source.signingKey()).kid).toBe(b.kid)
    const { keys, maxAgeSeconds } = await source.jwks()
    expect(keys).toEqual([b.publicJwk, c.publicJwk])
    expect(maxAgeSeconds).toBe(300)
  })

  it('SEC-23 signs nothing that lives longer than the ring knows of', async () => {
    const source = fixedRing(await parseKeyRing(text))
    await source.signingKey(900)
    await expect(source.signingKey(901)).rejects.toMatchObject({ code: 'lifetime_refused' })
  })

  it('has no key that signs when it says so', async () => {
    const source = fixedRing({ ring: createRing(timing), privateJwks: new Map() })
    await expect(source.signingKey()).rejects.toMatchObject({ code: 'key_missing' })
  })
})
