import { describe, expect, it } from 'vitest'
import { type Failure, OptionError } from '../../../src/errors.ts'
import {
  generateEncryptionKey,
  openPrivateKey,
  parseEncryptionKeys,
  rewrapPrivateKey,
  type SealedKey,
  sealPrivateKey,
} from '../../../src/issuer/ring/encryption.ts'
import { generateKey } from '../../../src/token/key.ts'

const [oneText, twoText] = [generateEncryptionKey('one'), generateEncryptionKey('two')]
const one = await parseEncryptionKeys(oneText)
const both = await parseEncryptionKeys(`${twoText},${oneText}`)
const key = await generateKey()
const sealed = await sealPrivateKey(key, key.privateJwk, one)

const other = await generateKey()
const again = await sealPrivateKey(key, key.privateJwk, one)

const flip = (text: string, at: number) => `${text.slice(0, at)}${text[at] === 'A' ? 'B' : 'A'}${text.slice(at + 1)}`

describe('a private key at rest', () => {
  it('SEC-25 is opened with the key that it was put under, and shows nothing of itself before', async () => {
    expect(await openPrivateKey(key, sealed, one)).toEqual(key.privateJwk)
    expect(await openPrivateKey(key, sealed, both)).toEqual(key.privateJwk)
    expect(JSON.stringify(sealed)).not.toContain(key.privateJwk.d)
    expect(Buffer.from(sealed.ciphertext, 'base64url').toString('latin1')).not.toContain(key.privateJwk.d)
  })

  it('is never written the same way twice', () => {
    expect(again.ciphertext).not.toBe(sealed.ciphertext)
    expect(again.wrappedKey).not.toBe(sealed.wrappedKey)
  })

  it.each<[string, Partial<SealedKey>, Partial<{ kid: string; alg: string }>]>([
    ['changed text', { ciphertext: flip(sealed.ciphertext, 30) }, {}],
    ['a changed nonce', { ciphertext: flip(sealed.ciphertext, 2) }, {}],
    ['a changed wrapped key', { wrappedKey: flip(sealed.wrappedKey, 30) }, {}],
    ['the wrapped key of another', { wrappedKey: again.wrappedKey }, {}],
    ['text that is too short', { ciphertext: 'AAAA' }, {}],
    ['text that is no base64url', { wrappedKey: '****' }, {}],
    ['another kid', {}, { kid: other.kid }],
    ['another algorithm', {}, { alg: 'RS256' }],
    ['the name of a key that is not there', { wrappedUnder: 'three' }, {}],
    ['the name of another key', { wrappedUnder: 'two' }, {}],
  ])('SEC-25 is not opened with %s', async (_, change, identity) => {
    const failure = (await openPrivateKey({ ...key, ...identity }, { ...sealed, ...change }, both).catch(
      (error) => error as Failure,
    )) as Failure
    expect(failure).toMatchObject({ code: 'key_locked' })
    expect(`${failure.detail} ${failure.stack} ${failure.cause}`).not.toContain(key.privateJwk.d)
  })

  it('is put under the first key without being touched itself', async () => {
    const moved = await rewrapPrivateKey(key, sealed, both)
    expect(moved).toMatchObject({ wrappedUnder: 'two', ciphertext: sealed.ciphertext })
    expect(await openPrivateKey(key, moved, await parseEncryptionKeys(twoText))).toEqual(key.privateJwk)
    expect(await rewrapPrivateKey(key, moved, both)).toBe(moved)
    await expect(rewrapPrivateKey(key, sealed, await parseEncryptionKeys(twoText))).rejects.toMatchObject({
      code: 'key_locked',
    })
  })
})

describe('KEY_ENCRYPTION_KEYS', () => {
  it.each([
    ['', 'encryption key 1 has no name'],
    ['canary', 'encryption key 1 has no name'],
    [`Name:${oneText.slice(4)}`, 'encryption key 1 has no name'],
    ['one:canary', 'encryption key "one" is not 32 bytes in base64url'],
    [`${oneText}=`, 'encryption key "one" is not 32 bytes'],
    [`${oneText},two:`, 'encryption key "two" is not 32 bytes'],
    [`${oneText},${oneText}`, 'two encryption keys have the same name'],
  ])('is refused as %j without being quoted', async (text, problem) => {
    const error = await parseEncryptionKeys(text).catch((reason: unknown) => reason)
    expect(error).toMatchObject({ code: 'config_invalid', detail: expect.stringContaining(problem) })
    expect((error as Failure).detail).not.toMatch(new RegExp(`canary|${oneText.slice(4)}`))
  })

  it('takes white space around its parts, and gives no key back', async () => {
    const [first, second] = await parseEncryptionKeys(` ${oneText} , ${twoText} `)
    expect([first.name, second?.name]).toEqual(['one', 'two'])
    expect(first.key.extractable).toBe(false)
    expect(() => generateEncryptionKey('Not a name')).toThrow(OptionError)
  })
})
