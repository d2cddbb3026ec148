import { createVerifier } from 'fast-jwt'
import { createRemoteJWKSet, customFetch, exportSPKI, importJWK, jwtVerify } from 'jose'
import * as oauth from 'oauth4webapi'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  accessTokenType,
  emails,
  exchange,
  password,
  people,
  type Scene,
  startScene,
  tenants,
} from '../../../../../demo/test/issuing/scene.ts'
import { describePg } from '../../support/pg.ts'
import { type Host, serveNode, serveWorker } from './host.ts'

/** A client that knows nothing of Rowpass but the URL of the issuer. */
describePg('oauth4webapi', () => {
  describe.each(['Node', 'workerd'] as const)('against the API on %s', (runtime) => {
    let scene: Scene
    let host: Host
    let as: oauth.AuthorizationServer

    const issuer = new URL('http://issuer.localhost')
    /** The name leads to wherever the API listens. Plain http is for loopback. */
    const reach = (url: string, init?: object) => fetch(new URL(new URL(url).pathname, host.url), init)
    const options = { [oauth.allowInsecureRequests]: true, [oauth.customFetch]: reach }
    const web: oauth.Client = { client_id: 'web' }

    beforeAll(async () => {
      scene = await startScene()
      host = await (runtime === 'Node' ? serveNode : serveWorker)(scene)
      const response = await oauth.discoveryRequest(issuer, { algorithm: 'oauth2', ...options })
      as = await oauth.processDiscoveryResponse(issuer, response)
    })
    afterAll(async () => {
      await host.close()
      await scene.close()
    })

    const signIn = async () => {
      const parameters = { username: emails.amara, password }
      const response = await oauth.genericTokenEndpointRequest(as, web, oauth.None(), 'password', parameters, options)
      return oauth.processGenericTokenEndpointResponse(as, web, response)
    }
    const refresh = async (token: string, client = web) => {
      const response = await oauth.refreshTokenGrantRequest(as, client, oauth.None(), token, options)
      return oauth.processRefreshTokenResponse(as, client, response)
    }
    const check = async (token: string) => {
      const request = new Request(`${issuer.href}resource`, { headers: { Authorization: `Bearer ${token}` } })
      return oauth.validateJwtAccessToken(as, request, 'rowpass', options)
    }

    it('SEC-31 finds the same issuer by OpenID discovery', async () => {
      const response = await oauth.discoveryRequest(issuer, options)
      expect(await oauth.processDiscoveryResponse(issuer, response)).toEqual(as)
      expect(as.issuer).toBe(issuer.href.slice(0, -1))
    })

    it('signs in, and takes the access token for one of RFC 9068', async () => {
      const tokens = await signIn()
      expect(await check(tokens.access_token)).toMatchObject({
        sub: people.amara,
        client_id: 'web',
        scope: 'rows profile',
      })
    })

    it('SEC-34 refreshes, and is refused with a token that was used', async () => {
      const { refresh_token } = await signIn()
      const next = await refresh(refresh_token!)
      expect(next.refresh_token).not.toBe(refresh_token)
      await expect(refresh(refresh_token!)).rejects.toMatchObject({ error: 'invalid_grant', status: 400 })
    })

    it.each([
      ['client_secret_basic', oauth.ClientSecretBasic],
      ['client_secret_post', oauth.ClientSecretPost],
    ] as const)('gets a token for a service, by %s', async (_method, authenticate) => {
      const client: oauth.Client = { client_id: 'service' }
      const response = await oauth.clientCredentialsGrantRequest(
        as,
        client,
        authenticate(scene.secrets.service),
        {},
        options,
      )
      const { access_token } = await oauth.processClientCredentialsResponse(as, client, response)
      expect(await check(access_token)).toMatchObject({ sub: 'service', tenant_id: tenants.neon })
      const refused = await oauth.clientCredentialsGrantRequest(as, client, authenticate('wrong'), {}, options)
      await expect(oauth.processClientCredentialsResponse(as, client, refused)).rejects.toMatchObject({ status: 401 })
    })

    it('SEC-33 switches tenant by token exchange', async () => {
      const { access_token } = await signIn()
      const parameters = { subject_token: access_token, subject_token_type: accessTokenType, tenant_id: tenants.other }
      const response = await oauth.genericTokenEndpointRequest(as, web, oauth.None(), exchange, parameters, options)
      const switched = await oauth.processGenericTokenEndpointResponse(as, web, response)
      expect(await check(switched.access_token)).toMatchObject({ sub: people.amara, tenant_id: tenants.other })
    })

    it('SEC-35 revokes, and introspects', async () => {
      const { access_token } = await signIn()
      const backend: oauth.Client = { client_id: 'backend' }
      const introspect = async () => {
        const authenticate = oauth.ClientSecretBasic(scene.secrets.backend)
        const response = await oauth.introspectionRequest(as, backend, authenticate, access_token, options)
        return oauth.processIntrospectionResponse(as, backend, response)
      }
      expect(await introspect()).toMatchObject({ active: true, sub: people.amara })
      await oauth.processRevocationResponse(await oauth.revocationRequest(as, web, oauth.None(), access_token, options))
      expect(await introspect()).toEqual({ active: false })
      expect(await scene.rowsWith(access_token)).toBe(401)
    })

    it('gets tokens that jose and fast-jwt accept', async () => {
      const { access_token } = await signIn()
      const keys = createRemoteJWKSet(new URL(as.jwks_uri!), { [customFetch]: reach })
      const expected = { issuer: as.issuer, audience: 'rowpass', typ: 'at+jwt' }
      expect((await jwtVerify(access_token, keys, expected)).payload.sub).toBe(people.amara)
      const {
        keys: [jwk],
      } = (await (await reach(as.jwks_uri!)).json()) as { keys: object[] }
      const key = await exportSPKI((await importJWK({ ...jwk }, 'ES256', { extractable: true })) as CryptoKey)
      const verify = createVerifier({ key, algorithms: ['ES256'], allowedIss: as.issuer, allowedAud: 'rowpass' })
      expect(verify(access_token)).toMatchObject({ sub: people.amara, tenant_id: tenants.neon })
    })
  })
})
