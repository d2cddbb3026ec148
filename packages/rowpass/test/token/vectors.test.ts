/** Examples that the RFCs print, so that our reading of them does not rest on our own signatures. */
import { describe, expect, it } from 'vitest'
import { fromBase64Url } from '../../src/token/base64url.ts'
import { parseCompactJws } from '../../src/token/compact.ts'
import { parseKeySet } from '../../src/token/key-set.ts'
import { type VerifyOperation, verifySignature } from '../../src/token/signature.ts'
import { operations } from './operations.ts'

const payload = 'eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ'

const vectors = [
  {
    name: 'RFC 7515 A.2 (RS256)',
    alg: 'RS256',
    jwk: {
      kty: 'RSA',
      n: 'ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ',
      e: 'AQAB',
    },
    token: `eyJhbGciOiJSUzI1NiJ9.${payload}.cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw`,
  },
  {
    name: 'RFC 7515 A.3 (ES256)',
    alg: 'ES256',
    jwk: {
      kty: 'EC',
      crv: 'P-256',
      x: 'f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU',
      y: 'x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0',
    },
    token: `eyJhbGciOiJFUzI1NiJ9.${payload}.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q`,
  },
  {
    name: 'RFC 8037 A.4 (EdDSA)',
    alg: 'EdDSA',
    jwk: { kty: 'OKP', crv: 'Ed25519', x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo' },
    token:
      'eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg',
  },
] as const

const cases = vectors.flatMap((vector) => Object.entries(operations).map(([by, verify]) => ({ ...vector, by, verify })))

describe.each(cases)('the example of $name by $by', ({ alg, jwk, token, verify: operation }) => {
  async function verify(text: string): Promise<void> {
    const body = new TextEncoder().encode(JSON.stringify({ keys: [{ ...jwk, kid: 'a' }] }))
    const key = (await parseKeySet(body, [alg])).keys.get('a')!
    // The examples have no kid, so the token is put together here; `refusals.test.ts` shows that one is required.
    const [, payloadPart, signaturePart] = text.split('.').map((part) => fromBase64Url(part)!)
    const parts = { payload: payloadPart!, signature: signaturePart! }
    const signed = new TextEncoder().encode(text.slice(0, text.lastIndexOf('.')))
    await verifySignature({ signed, alg, kid: 'a', typ: '', ...parts }, key, operation)
  }

  it('verifies', async () => {
    await verify(token)
  })

  it('does not verify with one bit of the payload changed', async () => {
    const [header, body, signature] = token.split('.') as [string, string, string]
    const changed = (body[0] === 'e' ? 'f' : 'S') + body.slice(1)
    await expect(verify(`${header}.${changed}.${signature}`)).rejects.toMatchObject({ reason: 'signature' })
  })
})

/** RFC 7517, A.1: a key for encryption and one for signatures. */
const rfc7517 = [
  {
    kty: 'EC',
    crv: 'P-256',
    x: 'MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4',
    y: '4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM',
    use: 'enc',
    kid: '1',
  },
  {
    kty: 'RSA',
    n: '0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw',
    e: 'AQAB',
    alg: 'RS256',
    kid: '2011-04-29',
  },
]
const setOf = (keys: object[]) =>
  parseKeySet(new TextEncoder().encode(JSON.stringify({ keys })), ['ES256', 'RS256', 'PS256', 'EdDSA'])

describe('the key sets and tokens of the RFCs', () => {
  it('the key set of RFC 7517 A.1 holds one key for signatures, for the one algorithm that it names', async () => {
    const { keys, skipped } = await setOf(rfc7517)
    expect([...keys].map(([kid, key]) => [kid, [...key.keys()]])).toEqual([['2011-04-29', ['RS256']]])
    expect(skipped).toBe(1)
  })

  it('private keys in a set, as in RFC 7517 A.2, are left out', async () => {
    const d = '870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE'
    expect((await setOf(rfc7517.map((key) => ({ ...key, use: 'sig', d })))).skipped).toBe(2)
  })

  it('the unsecured token of RFC 7515 A.5 is refused', () => {
    expect(() => parseCompactJws(`eyJhbGciOiJub25lIn0.${payload}.`)).toThrow(
      expect.objectContaining({ reason: 'format' }),
    )
  })
})

describe('an operation', () => {
  it.each<[string, VerifyOperation]>([
    [
      'throws',
      () => {
        throw new Error('the key does not fit')
      },
    ],
    ['rejects', () => Promise.reject(new Error('the key does not fit'))],
    ['answers with what is no boolean', () => 1 as never],
  ])('that %s has not verified anything', async (_, operation) => {
    const [{ alg, jwk, token }] = vectors
    const body = new TextEncoder().encode(JSON.stringify({ keys: [{ ...jwk, kid: 'a' }] }))
    const key = (await parseKeySet(body, [alg])).keys.get('a')!
    const signed = new TextEncoder().encode(token.slice(0, token.lastIndexOf('.')))
    const signature = fromBase64Url(token.slice(token.lastIndexOf('.') + 1))!
    const jws = { signed, alg, kid: 'a', typ: '', payload: signed, signature }
    await expect(verifySignature(jws, key)).resolves.toBeUndefined()
    await expect(verifySignature(jws, key, operation)).rejects.toMatchObject({ reason: 'signature' })
  })
})
