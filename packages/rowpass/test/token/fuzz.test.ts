/**
 * Whatever is done to a valid token, it is refused, and refused in good order.
 * FUZZ_RUNS sets the number of runs of each property (default 300), FUZZ_SEED where they start.
 */
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Failure } from '../../src/errors.ts'
import { parseCompactJws } from '../../src/token/compact.ts'
import type { GeneratedKey } from '../../src/token/key.ts'
import { TokenRefusal } from '../../src/token/refusal.ts'
import { parseStrictJson } from '../../src/token/strict-json.ts'
import { mutationNames } from './mutations.ts'
import { eitherVerify } from './operations.ts'
import { tamper } from './tampering.ts'
import * as t from './test-issuer.ts'

const runs = { numRuns: Number(process.env.FUZZ_RUNS ?? 300), seed: Number(process.env.FUZZ_SEED ?? 20_270_115) }

let key: GeneratedKey
let server: t.TestServer
let verifier: t.TestVerifier
let token: string

beforeAll(async () => {
  key = await t.keyNamed('first')
  server = await t.startServer(t.publish([key]))
  // Each invented kid would wait a second for its fetch; the verifier's clock is moved instead.
  verifier = t.verifierOf([t.trusted(server.url, { maxTtlSeconds: 2_592_000 })], {
    now: () => verifier.clock.ms,
    verifyOperation: eitherVerify,
  })
  token = t.tokenOf(key, { exp: t.NOW + 2_592_000, nested: { list: ['ü', '\\', 1.5, null] } })
})

afterAll(() => server.close())

/** Verifies, and gives whether the token was accepted; anything thrown but a Failure with a reason fails the test. */
async function accepts(text: string): Promise<boolean> {
  verifier.clock.ms += 10_000
  try {
    await verifier.verify(text)
    return true
  } catch (error) {
    expect(error).toBeInstanceOf(Failure)
    expect((error as Failure).cause).toBeInstanceOf(TokenRefusal)
    return false
  }
}

const edit = fc.record({
  at: fc.nat(),
  cut: fc.nat({ max: 4 }),
  put: fc.oneof(
    fc.string({ unit: fc.constantFrom(...'ABCDEFabcdef0189-_.=+/ \n'), maxLength: 4 }),
    fc.string({ unit: 'binary', maxLength: 3 }),
  ),
})

describe('a token that was tampered with', () => {
  it('is refused, however its text is edited', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(edit, { minLength: 1, maxLength: 3 }), async (edits) => {
        const text = edits.reduce((before, { at, cut, put }) => {
          const place = at % (before.length + 1)
          return before.slice(0, place) + put + before.slice(place + cut)
        }, token)
        expect(await accepts(text)).toBe(text === token)
      }),
      runs,
    )
  })

  it('is refused, whichever bit of a part is turned', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: 2 }), fc.nat(), fc.nat({ max: 7 }), async (index, at, bit) => {
        const parts = token.split('.').map((part) => Buffer.from(part, 'base64url'))
        const bytes = parts[index]!
        bytes[at % bytes.length]! ^= 1 << bit
        expect(await accepts(parts.map((part) => t.b64(part)).join('.'))).toBe(false)
      }),
      runs,
    )
  })

  it('is refused, whatever is put in place of its header or claims', async () => {
    const member = fc.constantFrom(
      'alg',
      'kid',
      'typ',
      'crit',
      'b64',
      'jwk',
      'jku',
      'iss',
      'aud',
      'sub',
      'exp',
      '__proto__',
    )
    const junk = fc.dictionary(fc.oneof(member, fc.string()), fc.jsonValue(), { maxKeys: 6 })
    await fc.assert(
      fc.asyncProperty(fc.boolean(), junk, async (isHeader, change) => {
        const parts = token.split('.')
        const index = isHeader ? 0 : 1
        const before = JSON.parse(Buffer.from(parts[index]!, 'base64url').toString())
        parts[index] = t.b64(JSON.stringify({ ...before, ...change }))
        expect(await accepts(parts.join('.'))).toBe(parts.join('.') === token)
      }),
      runs,
    )
  })
})

describe('2,000 tampered tokens of every algorithm (npm run fuzz:tokens tries a million)', () => {
  it('SEC-1 SEC-2 SEC-3 SEC-12 SEC-13 are all refused, each kind of tampering among them', async () => {
    const { accepted, byName, byReason } = await tamper(2_000, runs.seed)
    expect(accepted).toEqual([])
    expect([...byName.keys()].sort()).toEqual(mutationNames)
    expect(byReason.size).toBeGreaterThan(8)
  })
})

describe('a signed token with any content', () => {
  it('is accepted or refused, and throws nothing else', async () => {
    const claims = fc.record(
      {
        aud: fc.oneof(fc.constant('rowpass'), fc.jsonValue()),
        sub: fc.oneof(fc.string({ unit: 'binary' }), fc.jsonValue()),
        exp: fc.oneof(fc.double(), fc.integer(), fc.jsonValue()),
        iat: fc.oneof(fc.double(), fc.integer(), fc.jsonValue()),
        nbf: fc.oneof(fc.double(), fc.jsonValue()),
        jti: fc.jsonValue(),
        tenant_id: fc.oneof(fc.uuid(), fc.jsonValue()),
        extra: fc.jsonValue(),
      },
      { requiredKeys: [] },
    )
    await fc.assert(
      fc.asyncProperty(claims, async (change) => {
        await accepts(t.tokenOf(key, change))
      }),
      { ...runs, numRuns: Math.ceil(runs.numRuns / 3) },
    )
  })
})

describe('the readers of a token', () => {
  it('take any text apart or refuse it', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.base64String()), (text) => {
        try {
          parseCompactJws(text)
        } catch (error) {
          expect(error).toBeInstanceOf(TokenRefusal)
        }
      }),
      runs,
    )
  })

  it('find a name that occurs twice, wherever and however it is written', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.string(), fc.boolean(), (value, name, escaped) => {
        const spelt = JSON.stringify(name)
        const again = escaped ? `"${[...name].map(toEscapes).join('')}"` : spelt
        const text = JSON.stringify({ outer: [value, 'MARK'] }).replace(
          '"MARK"',
          () => `{${spelt}:1,"-${name.length}":[],${again}:2}`,
        )
        expect(() => parseStrictJson(Buffer.from(text))).toThrow(SyntaxError)
      }),
      runs,
    )
  })

  it('read what they accept as the ordinary parser does', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string({ unit: 'grapheme' }), fc.jsonValue({ maxDepth: 5 })), (value) => {
        const text = JSON.stringify(value)
        expect(parseOrUndefined(text) ?? JSON.parse(text)).toEqual(JSON.parse(text))
      }),
      runs,
    )
  })
})

function parseOrUndefined(text: string): unknown {
  try {
    return parseStrictJson(Buffer.from(text)).value
  } catch {
    return undefined
  }
}

function toEscapes(character: string): string {
  return [...Array(character.length).keys()]
    .map((i) => `\\u${character.charCodeAt(i).toString(16).padStart(4, '0')}`)
    .join('')
}
