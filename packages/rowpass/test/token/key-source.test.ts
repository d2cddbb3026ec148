import { describe, expect, it } from 'vitest'
import { generateKey, importSigningKey } from '../../src/token/key.ts'
import { fixedKeys } from '../../src/token/key-source.ts'

const [one, two] = [await generateKey(), await generateKey('EdDSA')]

describe('fixed keys', () => {
  it('sign with the one key, and publish it with the others, each once', async () => {
    const key = await importSigningKey(one.privateJwk)
    const source = fixedKeys(key, [two.publicJwk, one.publicJwk])
    expect(await source.signingKey()).toBe(key)
    expect(await source.jwks()).toEqual({ keys: [two.publicJwk, one.publicJwk], maxAgeSeconds: 300 })
    expect((await fixedKeys(key).jwks()).keys).toEqual([one.publicJwk])
  })

  it('without one that signs say so, and publish what there is', async () => {
    const source = fixedKeys(undefined, [two.publicJwk])
    await expect(source.signingKey()).rejects.toMatchObject({ code: 'key_missing' })
    expect((await source.jwks()).keys).toEqual([two.publicJwk])
    expect((await fixedKeys(undefined).jwks()).keys).toEqual([])
  })
})
