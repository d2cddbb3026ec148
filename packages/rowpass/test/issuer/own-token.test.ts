import { SignJWT } from 'jose'
import { beforeAll, describe, expect, it } from 'vitest'
import { readOwnToken } from '../../src/issuer/own-token.ts'
import { generateKey, importSigningKey, type SigningKey } from '../../src/token/key.ts'
import { fixedKeys } from '../../src/token/key-source.ts'

/** The key may sign for others as well, so a good signature says nothing of whom a token is from and for. */
describe('a token that is signed with our key', () => {
  const issuer = 'https://issuer.example'
  const now = Math.floor(Date.now() / 1000)
  const claims = {
    iss: issuer,
    aud: 'rowpass',
    sub: 'ada',
    client_id: 'web',
    sid: 'a',
    jti: 'b',
    iat: now,
    exp: now + 60,
  }
  let key: SigningKey
  let stranger: SigningKey

  beforeAll(async () => {
    key = await importSigningKey((await generateKey()).privateJwk)
    stranger = await importSigningKey((await generateKey()).privateJwk)
  })

  async function read(changes: object = {}, header: object = {}, by = key): Promise<unknown> {
    const token = await new SignJWT({ ...claims, ...changes })
      .setProtectedHeader({ alg: by.alg, kid: key.kid, typ: 'at+jwt', ...header })
      .sign(by.privateKey)
    return readOwnToken(token, { issuer, audience: 'rowpass', keys: fixedKeys(key) })
  }

  it('is read', async () => {
    expect(await read()).toMatchObject({ subject: 'ada', clientId: 'web', sid: 'a', tokenId: 'b' })
  })

  it.each([
    ['of another issuer', { iss: 'https://other.example' }],
    ['for another audience', { aud: 'other' }],
    ['that has expired', { exp: now - 1 }],
    ['without an expiry', { exp: undefined }],
    ['without a session', { sid: undefined }],
    ['without a client', { client_id: undefined }],
    ['without an id', { jti: undefined }],
  ])('SEC-33 is none of ours %s', async (_title, changes) => {
    expect(await read(changes)).toBeUndefined()
  })

  it('SEC-33 is none of ours of another type', async () => {
    expect(await read({}, { typ: 'JWT' })).toBeUndefined()
  })

  it('SEC-33 is none of ours under a key of somebody else', async () => {
    expect(await read({}, {}, stranger)).toBeUndefined()
  })
})
