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
    ['without kid', () => ({ ...ec.publicJwk, kid: undefined })],
    ['with an empty kid', () => ({ ...ec.publicJwk, kid: '' })],
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

  it('may be empty', async () => {
    expect(await kidsOf([])).toEqual([])
  })

  it('SEC-21 refuses two usable keys with one kid', async () => {
    const other = await t.keyNamed('second')
    const set = parse([ec.publicJwk, { ...other.publicJwk, kid: ec.kid }])
    await expect(set).rejects.toMatchObject({ name: 'KeySetError', reason: 'duplicate' })
    await expect(parse([ec.publicJwk, ec.publicJwk])).rejects.toMatchObject({ reason: 'duplicate' })
    expect(await kidsOf([ec.publicJwk, { ...rsa.publicJwk, kid: ec.kid, use: 'enc' }])).toEqual([ec.kid])
  })

  it('SEC-28 refuses more members than the limit, usable or not', async () => {
    const members = (count: number) => Array.from({ length: count }, (_, i) => ({ kty: 'oct', kid: `${i}` }))
    expect((await parse(members(maxKeys))).skipped).toBe(maxKeys)
    await expect(parse(members(maxKeys + 1))).rejects.toMatchObject({ reason: 'too_many' })
  })

  it.each([
    '',
    'null',
    '[]',
    '{}',
    '{"keys":{}}',
    '{"keys":[1]}',
    '{"keys":[null]}',
    '{"keys":[[]]}',
    '{"keys":[],"keys":[]}',
    '<html>',
    `{"keys":${'['.repeat(40_000)}`,
  ])('refuses %.20s', async (body) => {
    await expect(parseKeySet(Buffer.from(body), all)).rejects.toMatchObject({ reason: 'malformed' })
  })

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
