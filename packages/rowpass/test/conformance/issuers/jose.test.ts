import { createPublicKey } from 'node:crypto'
import { createVerifier } from 'fast-jwt'
import { calculateJwkThumbprint, createRemoteJWKSet, type JSONWebKeySet, jwtVerify } from 'jose'
import * as oauth from 'oauth4webapi'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Algorithm } from '../../../src/token/key.ts'
import { type OwnIssuer, startOwnIssuer } from './own-issuer.ts'

const audience = 'rowpass'
const algorithms = ['ES256', 'RS256', 'PS256', 'EdDSA'] as const satisfies readonly Algorithm[]

describe.each(algorithms)('our tokens and keys, %s', (alg) => {
  let issuer: OwnIssuer
  let token: string

  beforeAll(async () => {
    issuer = await startOwnIssuer(alg)
    token = await issuer.token()
  })
  afterAll(() => issuer.host.stop())

  const published = async () => (await (await fetch(issuer.trust.jwks_url)).json()) as JSONWebKeySet

  /** Three programs of others that verify. Each resolves with the claims, or rejects. */
  const verifiers: Record<string, (token: string, audience: string) => Promise<Record<string, unknown>>> = {
    'jose, with the remote key set': async (given, aud) => {
      const keys = createRemoteJWKSet(new URL(issuer.trust.jwks_url))
      const expected = { issuer: issuer.trust.iss, audience: aud, typ: 'at+jwt', algorithms: [alg] }
      const required = { requiredClaims: ['exp', 'iat', 'jti', 'sub', 'client_id'] }
      return (await jwtVerify(given, keys, { ...expected, ...required })).payload
    },
    'oauth4webapi, as a resource server of RFC 9068': async (given, aud) => {
      const server = { issuer: issuer.trust.iss, jwks_uri: issuer.trust.jwks_url }
      const request = new Request('https://api.example.test/', { headers: { authorization: `Bearer ${given}` } })
      const options = { signingAlgorithms: [alg], [oauth.allowInsecureRequests]: true }
      return { ...(await oauth.validateJwtAccessToken(server, request, aud, options)) }
    },
    "fast-jwt, with Node's own cryptography": async (given, aud) => {
      const { keys } = await published()
      const key = createPublicKey({ key: keys[0] as never, format: 'jwk' })
      const pem = key.export({ type: 'spki', format: 'pem' })
      const expected = { allowedIss: issuer.trust.iss, allowedAud: aud, checkTyp: 'at+jwt', algorithms: [alg] }
      return createVerifier({ key: pem, ...expected, requiredClaims: ['exp', 'iat', 'jti', 'sub'] })(given)
    },
  }

  describe.each(Object.entries(verifiers))('%s', (_, verify) => {
    it('accepts a token, and reads the claims that were granted', async () => {
      const claims = await verify(token, audience)
      expect(claims).toMatchObject({
        iss: issuer.trust.iss,
        aud: audience,
        sub: issuer.principals[0],
        client_id: 'web',
        jti: expect.any(String),
      })
      expect((claims.exp as number) - (claims.iat as number)).toBe(900)
    })

    it.each([
      ['another audience', (given: string) => [given, 'elsewhere']],
      ['other claims', (given: string) => [given.replace(/\.[^.]+\./, `.${otherClaims(given)}.`), audience]],
      ['another signature', (given: string) => [given.replace(/[^.]+$/, (old) => reversed(old)), audience]],
    ] as const)('refuses a token with %s', async (_title, change) => {
      const [given = '', aud = ''] = change(token)
      await expect(verify(given, aud)).rejects.toBeInstanceOf(Error)
    })
  })

  it('after a rotation, jose finds the old and the new key in the set', async () => {
    const keys = createRemoteJWKSet(new URL(issuer.trust.jwks_url), { cooldownDuration: 0 })
    await jwtVerify(token, keys)
    await issuer.rotate()
    const { protectedHeader } = await jwtVerify(await issuer.token(), keys)
    expect(protectedHeader.kid).not.toBe((await jwtVerify(token, keys)).protectedHeader.kid)
  })

  it('the kid that is published is the thumbprint that jose computes', async () => {
    for (const key of (await published()).keys) expect(key.kid).toBe(await calculateJwkThumbprint(key))
  })
})

/** The payload of a token, of one who would rather be an administrator. */
function otherClaims(token: string): string {
  const claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString())
  return Buffer.from(JSON.stringify({ ...claims, role: 'admin' })).toString('base64url')
}

/** A signature of the same length that is another. */
function reversed(signature: string): string {
  return Buffer.from(signature, 'base64url').reverse().toString('base64url')
}
