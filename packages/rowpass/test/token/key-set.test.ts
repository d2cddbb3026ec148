import { beforeAll, describe, expect, it } from 'vitest'
import type { Algorithm } from '../../src/token/algorithms.ts'
import { type GeneratedKey, generateKey } from '../../src/token/key.ts'
import { maxKeys, parseKeySet } from '../../src/token/key-set.ts'
import * as t from './test-issuer.ts'

const all: readonly Algorithm[] = ['ES256', 'RS256', 'PS256', 'EdDSA']

let ec: GeneratedKey
let rsa: GeneratedKey
let ed: GeneratedKey

beforeAll(async () => {
  ec = await t.keyNamed('first')
  rsa = await t.keyNamed('RS256', 'RS256')
  ed = await t.keyNamed('EdDSA', 'EdDSA')
})

const parse = (keys: unknown, allowed = all) => parseKeySet(Buffer.from(JSON.stringify({ keys })), allowed)
const kidsOf = async (keys: unknown, allowed = all) => [...(await parse(keys, allowed)).keys.keys()]

describe('a key set', () => {
  it('gives each key for the algorithms it may be used with', async () => {
    const { alg: _, ...anyRsa } = rsa.publicJwk
    const { keys, skipped } = await parse([ec.publicJwk, ed.publicJwk, { ...anyRsa, kid: 'any' }, rsa.publicJwk])
    expect([...keys].map(([kid, key]) => [kid, [...key.keys()]])).toEqual([
      [ec.kid, ['ES256']],
      [ed.kid, ['EdDSA']],
      ['any', ['RS256', 'PS256']],
      [rsa.kid, ['RS256']],
    ])
    expect(skipped).toBe(0)
  })

  it.each<[string, () => Record<string, unknown>]>([
    ['for encryption', () => ({ ...ec.publicJwk, use: 'enc' })],
    ['for other operations', () => ({ ...ec.publicJwk, key_ops: ['deriveKey'] })],
    ['with operations that are no list', () => ({ ...ec.publicJwk, key_ops: 'verify' })],
    ['of an unknown type', () => ({ ...ec.publicJwk, kty: 'AKP' })],
    ['of no type', () => ({ ...ec.publicJwk, kty: undefined })],
    ['SEC-3 that is symmetric', () => ({ kty: 'oct', k: 'c2VjcmV0', alg: 'HS256', kid: 'a' })],
    ['SEC-3 that is symmetric and claims to be ES256', () => ({ kty: 'oct', k: 'c2VjcmV0', alg: 'ES256', kid: 'a' })],
    ['with a symmetric member', () => ({ ...ec.publicJwk, k: 'c2VjcmV0' })],
    ['that is private', () => ({ ...ec.privateJwk })],
    ['with a kid that is a number', () => ({ ...ec.publicJwk, kid: 7 })],
    ['of an unknown algorithm', () => ({ ...ec.publicJwk, alg: 'ES512' })],
    ['of an algorithm for another type', () => ({ ...ec.publicJwk, alg: 'RS256' })],
    ['of an algorithm that is a property name', () => ({ ...ec.publicJwk, alg: 'toString' })],
    ['SEC-15 on another curve', () => ({ ...ec.publicJwk, crv: 'P-384' })],
    ['SEC-15 without a curve', () => ({ ...ec.publicJwk, crv: undefined })],
    ['SEC-15 whose point is not on the curve', () => ({ ...ec.publicJwk, y: ec.publicJwk.x })],
    ['SEC-15 at infinity', () => ({ ...ec.publicJwk, x: 'A'.repeat(43), y: 'A'.repeat(43) })],
    ['SEC-15 with a short coordinate', () => ({ ...ec.publicJwk, x: 'AAAA' })],
    ['with a coordinate in padded base64', () => ({ ...ec.publicJwk, x: `${ec.publicJwk.x}=` })],
    ['without a coordinate', () => ({ ...ec.publicJwk, y: undefined })],
    ['SEC-15 of small order', () => ({ ...ed.publicJwk, x: t.b64(Buffer.alloc(32)) })],
    ['SEC-15 of another Edwards curve', () => ({ ...ed.publicJwk, crv: 'Ed448' })],
    ['SEC-15 for key agreement', () => ({ ...ed.publicJwk, crv: 'X25519' })],
    ['SEC-15 with the exponent 1', () => ({ ...rsa.publicJwk, e: 'AQ' })],
    ['SEC-15 with an even exponent', () => ({ ...rsa.publicJwk, e: 'AQAA' })],
    ['SEC-15 with a modulus of 1032 bits', () => ({ ...rsa.publicJwk, n: rsa.publicJwk.n?.slice(0, 172) })],
    ['SEC-15 with an even modulus', () => ({ ...rsa.publicJwk, n: `${rsa.publicJwk.n?.slice(0, -2)}AA` })],
    ['SEC-15 with a modulus of 16384 bits', () => ({ ...rsa.publicJwk, n: t.b64(Buffer.alloc(2048, 0xff)) })],
  ])('leaves out a key %s', async (_, jwk) => {
    const other = await t.keyNamed('second')
    const { keys, skipped } = await parse([jwk(), other.publicJwk])
    expect([[...keys.keys()], skipped]).toEqual([[other.kid], 1])
  })

  it('leaves out keys that the issuer may not use', async () => {
    expect(await kidsOf([ec.publicJwk, rsa.publicJwk, ed.publicJwk], ['EdDSA'])).toEqual([ed.kid])
  })

  it('takes a key that says nothing of its use, or says that it verifies', async () => {
    const { use: _, alg: __, ...bare } = ec.publicJwk
    expect(
      await kidsOf([
        { ...bare, kid: 'a' },
        { ...bare, kid: 'b', key_ops: ['verify'] },
      ]),
    ).toEqual(['a', 'b'])
  })

  it('may be empty, and says so', async () => {
    const { keys, problems } = await parse([])
    expect([keys.size, problems]).toEqual([0, [expect.stringContaining('the set is empty')]])
  })

  it('SEC-21 leaves out and names the kid of different keys, and no other', async () => {
    const other = await t.keyNamed('second')
    const { keys, problems, find } = await parse([ec.publicJwk, { ...other.publicJwk, kid: ec.kid }, rsa.publicJwk])
    expect([[...keys.keys()], find(ec.kid)]).toEqual([[rsa.kid], undefined])
    expect(problems).toEqual([`kid "${ec.kid}" is that of several keys: none of them is used`])
  })

  it('SEC-21 takes a key that stands there twice for one, for all the algorithms that it is given', async () => {
    const asPss = { ...rsa.publicJwk, alg: 'PS256' }
    const { keys, problems } = await parse([ec.publicJwk, ec.publicJwk, rsa.publicJwk, asPss])
    expect([...keys].map(([kid, key]) => [kid, [...key.keys()]])).toEqual([
      [ec.kid, ['ES256']],
      [rsa.kid, ['RS256', 'PS256']],
    ])
    expect(problems).toEqual([])
    expect(await kidsOf([ec.publicJwk, { ...rsa.publicJwk, kid: ec.kid, use: 'enc' }])).toEqual([ec.kid])
  })

  it('gives the one usable key to a token without kid, and a key without kid to any', async () => {
    const encryption = { ...rsa.publicJwk, use: 'enc' }
    expect((await parse([ec.publicJwk, encryption])).find('')?.has('ES256')).toBe(true)
    expect((await parse([ec.publicJwk, encryption])).find('other')).toBeUndefined()
    expect((await parse([ec.publicJwk, rsa.publicJwk])).find('')).toBeUndefined()
    const nameless = { ...ec.publicJwk, kid: undefined }
    expect((await parse([nameless])).find('any')?.has('ES256')).toBe(true)
    expect((await parse([nameless, rsa.publicJwk])).find('any')).toBeUndefined()
    expect((await parse([nameless, { ...rsa.publicJwk, kid: undefined }])).keys.size).toBe(0)
  })

  it('reads sets as they are published: members of null, a byte order mark, 200 keys', async () => {
    expect(await kidsOf([{ ...ec.publicJwk, x5c: null, use: null, key_ops: null, alg: null }])).toEqual([ec.kid])
    const marked = Buffer.from(`\ufeff${JSON.stringify({ keys: [ec.publicJwk] })}`)
    expect((await parseKeySet(marked, all)).keys.size).toBe(1)
    const many = Array.from({ length: 200 }, (_, index) => ({ ...ec.publicJwk, kid: `k${index}` }))
    expect((await parse(many)).keys.size).toBe(200)
    expect(JSON.stringify({ keys: many }).length).toBeLessThan(65_536)
  })

  it.each([2048, 3072, 4096, 8192])('takes an RSA key of %i bits', async (modulusLength) => {
    const n = Buffer.from(rsa.publicJwk.n ?? '', 'base64url')
    // Any odd number of that length is imported: what is tried here is the limit, and no signature.
    const modulus = Buffer.concat(Array.from({ length: modulusLength / 2048 }, () => n))
    expect(await kidsOf([{ ...rsa.publicJwk, n: modulus.toString('base64url') }])).toEqual([rsa.kid])
  })

  it('says which key it leaves out, and why', async () => {
    const weak = { ...rsa.publicJwk, kid: 'weak', n: rsa.publicJwk.n?.slice(0, 172) }
    const { problems, skipped } = await parse([
      ec.privateJwk,
      { ...ed.publicJwk, use: 'enc' },
      weak,
      'x',
      rsa.publicJwk,
    ])
    expect(problems).toEqual([
      `kid "${ec.kid}": a private or symmetric key, which everybody can read here`,
      `kid "${ed.kid}": "use" is not "sig"`,
      'kid "weak": the RSA modulus has 1032 bits; 2048 is the least',
      'key 4: no JSON object',
    ])
    expect(skipped).toBe(4)
    const listed = await parse([{ ...ec.publicJwk, kid: undefined }], ['RS256'])
    expect(listed.problems).toEqual(['key 1: for ES256, of which "algorithms" of the issuer lists none'])
    expect((await parse(Array.from({ length: 30 }, () => 7))).problems).toHaveLength(20)
  })

  it.each([
    ['{"issuer":"https://a","jwks_uri":"https://a/jwks"}', 'a discovery document'],
    ['{"a1":"-----BEGIN CERTIFICATE-----\\nMII"}', 'a map of X.509 certificates'],
    ['<!doctype html><title>404</title>', 'a web page'],
    ['\ufeff\n<html>', 'a web page'],
    ['{"kty":"RSA"}', 'a single key'],
    ['{}', 'no "keys" array'],
    ['keys', 'not a JSON object'],
  ])('says what %.30s is instead', async (body, says) => {
    await expect(parseKeySet(Buffer.from(body), all)).rejects.toThrow(says)
  })

  it('SEC-28 refuses more members than the limit, usable or not', async () => {
    const members = (count: number) => Array.from({ length: count }, (_, i) => ({ kty: 'oct', kid: `${i}` }))
    expect((await parse(members(maxKeys))).skipped).toBe(maxKeys)
    await expect(parse(members(maxKeys + 1))).rejects.toMatchObject({ reason: 'too_many' })
  })

  it.each(['', 'null', '[]', '{}', '{"keys":{}}', '{"keys":[],"keys":[]}', '<html>', `{"keys":${'['.repeat(40_000)}`])(
    'refuses %.20s',
    async (body) => {
      await expect(parseKeySet(Buffer.from(body), all)).rejects.toMatchObject({ reason: 'malformed' })
    },
  )

  it('has a fingerprint that changes with each key, its name and its algorithms', async () => {
    const print = async (keys: unknown, allowed = all) => (await parse(keys, allowed)).fingerprint
    const base = await print([ec.publicJwk, rsa.publicJwk])
    expect(await print([rsa.publicJwk, ec.publicJwk])).toBe(base)
    expect(await print([{ ...ec.publicJwk, 'x-note': 1 }, rsa.publicJwk])).toBe(base)
    const { alg: _, ...anyRsa } = rsa.publicJwk
    const changed = [
      await print([ec.publicJwk]),
      await print([{ ...(await generateKey()).publicJwk, kid: ec.kid }, rsa.publicJwk]),
      await print([{ ...ec.publicJwk, kid: 'a' }, rsa.publicJwk]),
      await print([ec.publicJwk, anyRsa]),
    ]
    expect(new Set([base, ...changed]).size).toBe(5)
  })
})
