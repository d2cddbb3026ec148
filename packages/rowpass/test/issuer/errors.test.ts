import { expect, it } from 'vitest'
import * as issuer from '../../src/exports/issuer.ts'
import * as verify from '../../src/exports/verify.ts'

const key = await issuer.importSigningKey((await issuer.generateKey()).privateJwk)
const grant = { issuer: 'https://id.example', audience: 'rowpass', subject: 'ada', clientId: 'web' }
const db = { query: async () => [] }
const keys = issuer.fixedKeys(undefined)
const wrong = (options: object) => issuer.createIssuer(options as issuer.IssuerOptions)
const verifier = (issuers: object[], more = {}) =>
  verify.createVerifier(issuers as verify.TrustedIssuer[], { sha256: () => '', ...more })

it.each<[string, () => unknown, string]>([
  ['an issuer with an option that is none', () => wrong({ isuer: 'x' }), 'option_invalid'],
  ['an issuer that is no URL', () => wrong({ ...grant, issuer: 'x', keys }), 'option_invalid'],
  ['a key of an unknown algorithm', () => issuer.generateKey('HS256' as issuer.Algorithm), 'option_invalid'],
  ['a set with a key twice', () => issuer.toJwks([key.publicJwk, key.publicJwk]), 'option_invalid'],
  ['a name of an encryption key', () => issuer.generateEncryptionKey('Not a name'), 'option_invalid'],
  ['a private key that is none', () => issuer.importSigningKey('canary'), 'key_invalid'],
  ['a key set that is none', () => issuer.parseJwks('canary'), 'key_invalid'],
  ['a ring that is none', () => issuer.createKeyRing({ text: 'canary' }), 'key_invalid'],
  ['encryption keys that are none', () => issuer.createKeyRing({ db, encryptionKeys: 'canary' }), 'config_invalid'],
  ['no key to sign with', () => keys.signingKey(), 'key_missing'],
  ['a lifetime of nothing', () => issuer.issueToken(key, { ...grant, ttlSeconds: 0 }), 'option_invalid'],
  ['a claim of the issuer', () => issuer.issueToken(key, { ...grant, claims: { sub: 'eve' } }), 'claims_invalid'],
  ['a hash of another kind', () => issuer.comparePassword('canary', '$2b$canary'), 'password_hash_invalid'],
  ['a verifier without an issuer that can be one', () => verifier([{ iss: '' }]), 'option_invalid'],
  ['a verifier with half a cache', () => verifier([], { cacheSize: 0.5 }), 'option_invalid'],
  ['a request without a token', () => verify.parseBearer(null), 'token_missing'],
  ['a token of nobody', () => verifier([]).verify('canary'), 'token_invalid'],
])('%s is refused by a class that is exported, with a code', async (_, call, code) => {
  const refused = await Promise.resolve()
    .then(call)
    .catch((error: unknown) => error)
  expect([issuer.Failure, issuer.OptionError].some((each) => refused instanceof each)).toBe(true)
  expect([verify.Failure, verify.OptionError]).toEqual([issuer.Failure, issuer.OptionError])
  expect(refused).toMatchObject({ code })
  expect(String(refused) + (refused as issuer.Failure).detail).not.toContain('canary')
})
