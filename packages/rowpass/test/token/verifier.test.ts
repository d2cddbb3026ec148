import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { GeneratedKey } from '../../src/token/key.ts'
import type { VerifiedToken } from '../../src/token/verifier.ts'
import * as t from './test-issuer.ts'

let key: GeneratedKey
let stranger: GeneratedKey
let server: t.TestServer
let verifier: t.TestVerifier

beforeAll(async () => {
  key = await t.keyNamed('first')
  stranger = await t.keyNamed('stranger')
  server = await t.startServer(t.publish([key]))
  verifier = t.verifierOf([t.trusted(server.url)])
})

afterAll(() => server.close())

describe('a valid token', () => {
  it('gives the identity and the payload exactly as it was signed', async () => {
    const payload = `{ "iss":"${t.ISS}","aud":["other","rowpass"],"sub":"david",\n"iat":${t.NOW},"exp":${t.NOW + 60},"ü":"\\u00fc"}`
    const verified = await verifier.verify(t.forge(key, { alg: 'ES256', typ: 'at+jwt', kid: key.kid }, payload))
    expect(verified.claimsJson).toBe(payload)
    expect(verified).toMatchObject({ iss: t.ISS, sub: 'david', kid: key.kid, exp: t.NOW + 60, role: 'authenticated' })
    expect(verified.jti).toBeUndefined()
    expect(verified.claims).toMatchObject({ ü: 'ü' })
  })

  it.each(['ES256', 'RS256', 'PS256', 'EdDSA'] as const)('verifies when it is signed with %s', async (alg) => {
    const signer = await t.keyNamed(alg, alg)
    const other = await t.startServer(t.publish([signer]))
    const here = t.verifierOf([t.trusted(other.url, { algorithms: [alg] })])
    expect(await here.verify(t.tokenOf(signer))).toMatchObject({ sub: 'david', kid: signer.kid })
    await other.close()
  })

  it.each([
    ['Ed25519', 'Ed25519'],
    ['Ed25519', 'EdDSA'],
    ['Ed25519', undefined],
    ['EdDSA', 'Ed25519'],
  ])('verifies when its header calls EdDSA %s and the published key %s (RFC 9864)', async (inHeader, inKey) => {
    const signer = await t.keyNamed('ed', 'EdDSA')
    const other = await t.startServer(t.publish({ keys: [{ ...signer.publicJwk, alg: inKey }] }))
    const here = t.verifierOf([t.trusted(other.url, { algorithms: ['EdDSA'] })])
    expect(await here.verify(t.tokenOf(signer, {}, { alg: inHeader }))).toMatchObject({ sub: 'david' })
    await other.close()
  })

  it('SEC-1 is refused when its header says Ed25519 and its key is of another kind', async () => {
    const here = t.verifierOf([t.trusted(server.url, { algorithms: ['ES256', 'EdDSA'] })])
    const cause = expect.objectContaining({ reason: 'algorithm' })
    await expect(here.verify(t.tokenOf(key, {}, { alg: 'Ed25519' }))).rejects.toMatchObject({ cause })
  })

  it('cannot be changed by one who holds it', async () => {
    const verified = (await verifier.verify(t.tokenOf(key, { nested: { list: [1] } }))) as VerifiedToken
    expect(() => Object.assign(verified, { role: 'postgres' })).toThrow(TypeError)
    expect(() => Object.assign(verified.claims.nested as object, { list: [] })).toThrow(TypeError)
  })

  it.each(['at+jwt', 'AT+JWT', 'application/at+jwt', 'Application/AT+jwt'])('may have the typ %s', async (typ) => {
    expect(await verifier.verify(t.tokenOf(key, {}, { typ }))).toMatchObject({ sub: 'david' })
  })
})

describe('keys named in the header', () => {
  it('SEC-4 never asks the address in jku or x5u', async () => {
    const trap = await t.startServer(t.publish([stranger]))
    const token = t.tokenOf(stranger, {}, { kid: key.kid, jku: trap.url.href, x5u: trap.url.href })
    expect(await t.refusalOf(verifier, token)).toMatchObject({ reason: 'signature' })
    expect(trap.requests).toEqual([])
    await trap.close()
  })

  it('SEC-4 reads over members that it does not use', async () => {
    const token = t.tokenOf(key, {}, { jku: 'https://issuer.test/jwks', x5c: ['MII'], x5t: 'a', note: {} })
    expect(await verifier.verify(token)).toMatchObject({ sub: 'david' })
  })
})

describe('several issuers', () => {
  it('SEC-7 refuses a token whose key belongs to another issuer', async () => {
    const other = await t.startServer(t.publish([stranger]))
    const both = t.verifierOf([t.trusted(server.url), t.trusted(other.url, { iss: 'https://other.test' })])
    expect(await both.verify(t.tokenOf(stranger, { iss: 'https://other.test' }))).toMatchObject({
      iss: 'https://other.test',
    })
    expect(await t.refusalOf(both, t.tokenOf(stranger))).toMatchObject({ reason: 'key_unknown' })
    expect(await t.refusalOf(both, t.tokenOf(key, { iss: 'https://other.test' }))).toMatchObject({
      reason: 'key_unknown',
    })
    await other.close()
  })

  it('SEC-1 refuses an algorithm of the issuer that is not that of the key', async () => {
    const rsa = await t.keyNamed('RS256', 'RS256')
    const other = await t.startServer(t.publish([rsa, key]))
    const here = t.verifierOf([t.trusted(other.url, { algorithms: ['ES256', 'RS256', 'PS256'] })])
    expect(await here.verify(t.tokenOf(rsa))).toBeTruthy()
    expect(await here.verify(t.tokenOf(key))).toBeTruthy()
    const asPss = t.tokenOf({ ...rsa, alg: 'PS256' }, {}, { alg: 'PS256' })
    expect(await t.refusalOf(here, asPss)).toMatchObject({ reason: 'algorithm' })
    expect(await t.refusalOf(here, t.tokenOf(key, {}, { alg: 'RS256' }))).toMatchObject({ reason: 'algorithm' })
    await other.close()
  })

  it.each([1, 'true', {}, [], undefined])(
    'SEC-1 takes nothing but true of the operation that verifies: %j',
    async (answer) => {
      const here = t.verifierOf([t.trusted(server.url)], { verifyOperation: () => answer as boolean })
      expect(await t.refusalOf(here, t.tokenOf(key))).toMatchObject({ reason: 'signature' })
    },
  )

  it('SEC-1 lets a key without alg sign with any algorithm of the issuer that fits it, and no other', async () => {
    const rsa = await t.keyNamed('RS256', 'RS256')
    const { alg: _, ...jwk } = rsa.publicJwk
    const other = await t.startServer(t.publish({ keys: [jwk] }))
    const asPss = t.tokenOf({ ...rsa, alg: 'PS256' }, {}, { alg: 'PS256' })
    const two = t.verifierOf([t.trusted(other.url, { algorithms: ['RS256', 'PS256'] })])
    expect(await two.verify(asPss)).toBeTruthy()
    expect(await two.verify(t.tokenOf(rsa))).toBeTruthy()
    const one = t.verifierOf([t.trusted(other.url, { algorithms: ['RS256'] })])
    expect(await t.refusalOf(one, asPss)).toMatchObject({ reason: 'algorithm' })
    await other.close()
  })

  it('SEC-6 holds each to its own typ', async () => {
    const here = t.verifierOf([t.trusted(server.url, { typ: ['JWT', ''] })])
    expect(await here.verify(t.tokenOf(key, {}, { typ: 'JWT' }))).toBeTruthy()
    expect(await here.verify(t.tokenOf(key, {}, { typ: undefined }))).toBeTruthy()
    expect(await t.refusalOf(here, t.tokenOf(key))).toMatchObject({ reason: 'typ' })
  })
})

describe('the database role', () => {
  const byClaim = { roleClaim: 'db_role', roles: ['reader', 'writer'] }

  it('is the fixed one, whatever the token says', async () => {
    expect(await verifier.verify(t.tokenOf(key, { role: 'postgres' }))).toMatchObject({ role: 'authenticated' })
  })

  it('is taken from the configured claim', async () => {
    const here = t.verifierOf([t.trusted(server.url, byClaim)])
    expect(await here.verify(t.tokenOf(key, { db_role: 'writer' }))).toMatchObject({ role: 'writer' })
  })

  it.each([undefined, null, 'postgres', '', 'READER', ['READER'], [['reader']], [], { reader: 1 }, { 0: 'reader' }])(
    'is refused when the claim is %j',
    async (claim) => {
      const here = t.verifierOf([t.trusted(server.url, byClaim)])
      expect(await t.refusalOf(here, t.tokenOf(key, { db_role: claim }))).toEqual({
        code: 'role_refused',
        reason: 'role',
      })
    },
  )

  it('is not read from what every object has', async () => {
    const here = t.verifierOf([t.trusted(server.url, { ...byClaim, roleClaim: 'constructor' })])
    expect(await t.refusalOf(here, t.tokenOf(key))).toMatchObject({ code: 'role_refused' })
  })
})

describe('what is told of a refusal', () => {
  it('SEC-18 gives the client one message for every check, and the log the reason', async () => {
    const here = t.verifierOf([t.trusted(server.url)])
    const tokens = [
      t.tokenOf(stranger, {}, { kid: key.kid }),
      t.tokenOf(key, { aud: 'x' }),
      t.tokenOf(key, { iss: 'x' }),
    ]
    const failures = await Promise.all(tokens.map(async (token) => here.verify(token)).map((p) => p.catch((e) => e)))
    expect(new Set(failures.map(({ message, detail }) => `${message}/${detail}`))).toEqual(
      new Set(['The token was refused/undefined']),
    )
    expect(here.events.filter(({ type }) => type === 'token_refused')).toEqual(
      expect.arrayContaining([
        { type: 'token_refused', code: 'token_invalid', reason: 'signature', iss: t.ISS, kid: key.kid },
        { type: 'token_refused', code: 'token_invalid', reason: 'audience', iss: t.ISS, kid: key.kid },
        { type: 'token_refused', code: 'token_invalid', reason: 'issuer', kid: key.kid },
      ]),
    )
  })

  it('SEC-18 quotes no part of the token, in the log either', async () => {
    const secret = 'c2VjcmV0c2VjcmV0'
    const failure = await Promise.resolve(verifier.verify(`${secret}.${secret}.${secret}`)).catch((e) => e)
    expect(`${failure.stack}${failure.cause.stack}`).not.toMatch(/c2Vjcm|secret/)
  })

  it('says that there is no token', async () => {
    expect(await t.refusalOf(verifier, '')).toEqual({ code: 'token_missing', reason: 'missing' })
    expect(await t.refusalOf(verifier, undefined as never)).toEqual({ code: 'token_missing', reason: 'missing' })
  })
})

describe('the tenant', () => {
  it('SEC-11 may be a UUID in capitals, null or absent', async () => {
    for (const tenant_id of [t.TENANT.toUpperCase(), null, undefined]) {
      expect(await verifier.verify(t.tokenOf(key, { tenant_id }))).toMatchObject({ tenant: tenant_id ?? undefined })
    }
  })
})
