import { describe, expect, it } from 'vitest'
import { parseJwks, toJwks } from '../../src/token/jwks.ts'
import { generateKey, type PublicJwk } from '../../src/token/key.ts'

describe('the document that is published', () => {
  it('SEC-21 holds use, alg, kty and a unique kid for each key', async () => {
    const keys = [await generateKey(), await generateKey('EdDSA'), await generateKey('RS256')]
    const jwks = toJwks(keys.map(({ publicJwk }) => publicJwk))
    expect(jwks.keys.map(({ kty, use, alg, kid }) => ({ kty, use, alg, kid }))).toEqual([
      { kty: 'EC', use: 'sig', alg: 'ES256', kid: keys[0]!.kid },
      { kty: 'OKP', use: 'sig', alg: 'EdDSA', kid: keys[1]!.kid },
      { kty: 'RSA', use: 'sig', alg: 'RS256', kid: keys[2]!.kid },
    ])
  })

  it('SEC-21 is not made of two keys with one kid', async () => {
    const { publicJwk } = await generateKey()
    expect(() => toJwks([publicJwk, publicJwk])).toThrow(TypeError)
  })

  it('SEC-20 holds no private member, even of a private key', async () => {
    for (const alg of ['ES256', 'RS256', 'EdDSA'] as const) {
      const { privateJwk, publicJwk } = await generateKey(alg)
      expect(toJwks([privateJwk as unknown as PublicJwk])).toEqual({ keys: [publicJwk] })
    }
  })

  it('may be empty', () => {
    expect(toJwks([])).toEqual({ keys: [] })
  })
})

describe('a configured PUBLIC_KEY', () => {
  it('is one key or a set of them, as text or object', async () => {
    const [one, two] = [(await generateKey()).publicJwk, (await generateKey('EdDSA')).publicJwk]
    expect(await parseJwks(JSON.stringify(one))).toEqual({ keys: [one] })
    expect(await parseJwks({ keys: [one, two] })).toEqual({ keys: [one, two] })
    expect(await parseJwks(JSON.stringify({ keys: [one, two] }))).toEqual({ keys: [one, two] })
  })

  it('SEC-20 publishes only the public members when a private key was pasted', async () => {
    const { privateJwk, publicJwk } = await generateKey()
    const text = JSON.stringify(await parseJwks(JSON.stringify(privateJwk)))
    expect(JSON.parse(text)).toEqual({ keys: [publicJwk] })
    expect(text).not.toContain(privateJwk.d)
  })

  it('is refused when empty, no JSON, a symmetric key, or the same key twice', async () => {
    const { publicJwk } = await generateKey()
    for (const input of ['', '{"keys":[]}', '{"kty":"oct","k":"AAAA"}', { keys: [publicJwk, publicJwk] }]) {
      await expect(parseJwks(input)).rejects.toMatchObject({ code: 'key_invalid' })
    }
  })
})
