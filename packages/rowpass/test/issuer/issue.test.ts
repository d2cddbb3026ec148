import { createHash } from 'node:crypto'
import { decodeProtectedHeader } from 'jose'
import { beforeAll, describe, expect, it } from 'vitest'
import { OptionError } from '../../src/errors.ts'
import { type Grant, issueToken } from '../../src/issuer/issue.ts'
import { toJwks } from '../../src/token/jwks.ts'
import { generateKey, importSigningKey, type SigningKey } from '../../src/token/key.ts'
import { createVerifier } from '../../src/token/verifier.ts'

const NOW = 1_800_000_000
const now = () => NOW * 1000 + 999
const grant = { issuer: 'https://issuer.test', audience: 'rowpass', subject: 'david', clientId: 'web' }

let key: SigningKey

beforeAll(async () => {
  key = await importSigningKey((await generateKey()).privateJwk)
})

const issue = (change: Partial<Grant> = {}) => issueToken(key, { ...grant, ...change }, { now })
const claimsOf = (token: string) => JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString())

describe('a token', () => {
  it('SEC-32 says who issued it to whom, for whom and until when', async () => {
    const token = await issue()
    expect(claimsOf(token)).toEqual({
      iss: 'https://issuer.test',
      aud: 'rowpass',
      sub: 'david',
      client_id: 'web',
      iat: NOW,
      exp: NOW + 900,
      jti: expect.stringMatching(/^[0-9a-f-]{36}$/),
    })
    expect(decodeProtectedHeader(token)).toEqual({ alg: 'ES256', typ: 'at+jwt', kid: key.kid })
  })

  it('SEC-32 has a jti of its own', async () => {
    expect(claimsOf(await issue()).jti).not.toBe(claimsOf(await issue()).jti)
  })

  it('carries more claims', async () => {
    const claims = {
      tenant_id: 'f330c503-5e9c-46a7-8393-2995aeb03675',
      role: 'admin',
      list: [1, { a: null }],
      gone: undefined,
    }
    expect(claimsOf(await issue({ claims }))).toMatchObject({
      tenant_id: claims.tenant_id,
      role: 'admin',
      list: claims.list,
    })
    expect(claimsOf(await issue({ claims }))).not.toHaveProperty('gone')
  })

  it('lives as long as was asked', async () => {
    expect(claimsOf(await issue({ ttlSeconds: 1 })).exp).toBe(NOW + 1)
    expect(claimsOf(await issue({ ttlSeconds: 86_400 })).exp).toBe(NOW + 86_400)
  })

  it.each(['ES256', 'RS256', 'PS256', 'EdDSA'] as const)('signed with %s is accepted by the verifier', async (alg) => {
    const made = await generateKey(alg)
    const token = await issueToken(await importSigningKey(made.privateJwk), {
      ...grant,
      claims: { text: 'ü\\u0000 "\n😀' },
    })
    const issuer = {
      iss: grant.issuer,
      jwksUrl: new URL('https://issuer.test/jwks.json'),
      audience: 'rowpass',
      algorithms: [alg],
      role: 'authenticated',
      roles: [],
      maxTtlSeconds: 900,
      typ: ['at+jwt'],
    }
    const verifier = createVerifier([issuer], {
      sha256: (text) => createHash('sha256').update(text).digest('hex'),
      fetch: async () => Response.json(toJwks([made.publicJwk])),
    })
    expect(await verifier.verify(token)).toMatchObject({
      sub: 'david',
      kid: made.kid,
      claims: { text: 'ü\\u0000 "\n😀' },
    })
  })
})

const refusal = (part: string) => ({ code: 'claims_invalid', detail: expect.stringContaining(part) })

describe('what a grant may not ask', () => {
  it.each(['iss', 'aud', 'sub', 'exp', 'nbf', 'iat', 'jti', 'client_id'])('is the claim %s', async (name) => {
    await expect(issue({ claims: { [name]: 'x' } })).rejects.toMatchObject(
      refusal(`the claim "${name}" is set by the issuer`),
    )
  })

  it('is a reserved claim by way of toJSON', async () => {
    await expect(issue({ claims: { toJSON: () => ({ sub: 'admin' }) } })).rejects.toMatchObject(refusal('"sub"'))
    await expect(issue({ claims: { toJSON: () => ['sub'] } })).rejects.toMatchObject(refusal('not an object'))
    expect(claimsOf(await issue({ claims: JSON.parse('{"__proto__":{"sub":"admin"}}') })).sub).toBe('david')
  })

  it.each([0, -1, 0.5, 86_401, Number.NaN, Number.POSITIVE_INFINITY, '900'])(
    'is a lifetime of %j',
    async (ttlSeconds) => {
      await expect(issue({ ttlSeconds: ttlSeconds as number })).rejects.toThrow(OptionError)
    },
  )

  it.each(['issuer', 'audience', 'subject', 'clientId'] as const)('is an empty %s', async (name) => {
    await expect(issue({ [name]: '' })).rejects.toThrow(name)
    await expect(issue({ [name]: undefined } as never)).rejects.toThrow(name)
  })

  it('is a subject of 256 characters', async () => {
    expect(await issue({ subject: 'a'.repeat(255) })).toBeTruthy()
    await expect(issue({ subject: 'a'.repeat(256) })).rejects.toMatchObject(refusal('255 characters'))
  })

  it.each(['a\0', '\ud800', '\\\0', '\udfff'])('is a text that PostgreSQL cannot hold (%j)', async (text) => {
    await expect(issue({ claims: { text } })).rejects.toMatchObject(refusal('U+0000'))
    await expect(issue({ claims: { [text]: 1 } })).rejects.toMatchObject(refusal('U+0000'))
    await expect(issue({ subject: text })).rejects.toMatchObject(refusal('U+0000'))
  })

  it.each(['\\u0000', '\\\\u0000', '\\ud800', 'u0000', '😀'])(
    'is not a text that only looks like it (%j)',
    async (text) => {
      expect(claimsOf(await issue({ claims: { text } })).text).toBe(text)
    },
  )

  it('is more than a token can hold', async () => {
    await expect(issue({ claims: { text: 'a'.repeat(8000) } })).rejects.toMatchObject(refusal('longer than 8192'))
  })
})
