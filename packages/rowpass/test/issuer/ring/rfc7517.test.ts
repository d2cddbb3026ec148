import { describe, expect, it } from 'vitest'
import { parseJwks } from '../../../src/token/jwks.ts'
import { importSigningKey, toPublicJwk } from '../../../src/token/key.ts'

/** The elliptic-curve key of RFC 7517, appendices A.1 and A.2. */
const ec = {
  kty: 'EC',
  crv: 'P-256',
  x: 'MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4',
  y: '4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM',
  use: 'enc',
  kid: '1',
}
const d = '870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE'
/** A symmetric key of appendix A.3. */
const symmetric = { kty: 'oct', alg: 'A128KW', k: 'GawgguFyGrWKav7AX4VKUg' }

describe('the keys of RFC 7517', () => {
  it('are refused where they are for encryption, or symmetric', async () => {
    await expect(toPublicJwk(ec)).rejects.toMatchObject({
      code: 'key_invalid',
      detail: expect.stringContaining('"use"'),
    })
    await expect(importSigningKey({ ...ec, d })).rejects.toMatchObject({ code: 'key_invalid' })
    await expect(parseJwks({ keys: [symmetric] })).rejects.toMatchObject({ code: 'key_invalid' })
  })

  it('SEC-20 SEC-21 sign where they may, under their own kid or their thumbprint, and publish their public members alone', async () => {
    const { use: _, kid, ...bare } = ec
    for (const given of [{ ...bare, kid }, bare]) {
      const { publicJwk } = await importSigningKey({ ...given, d })
      expect(publicJwk).toEqual({ ...bare, use: 'sig', alg: 'ES256', kid: publicJwk.kid })
      expect(publicJwk.kid).toMatch('kid' in given ? /^1$/ : /^[\w-]{43}$/)
      expect(await toPublicJwk({ ...given, d })).toEqual(publicJwk)
    }
  })
})
