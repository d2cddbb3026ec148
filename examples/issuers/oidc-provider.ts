/**
 * A program that gets its tokens from oidc-provider by client credentials, in the database as itself.
 *
 * First, in another terminal: ROWPASS_ISSUERS="$(cat examples/issuers/issuers.json)" npm start
 */
import { createServer } from 'node:http'
import { neon, neonConfig } from '@neondatabase/serverless'
import { exportJWK, generateKeyPair } from 'jose'
import Provider from 'oidc-provider'

const { PORT = '3001', DATABASE_URL = 'postgresql://authenticated@127.0.0.1/rowpass' } = process.env
neonConfig.fetchEndpoint = process.env.GATEWAY_URL ?? 'http://127.0.0.1:4444/sql'
const issuer = `http://127.0.0.1:${PORT}`

const { privateKey } = await generateKeyPair('ES256', { extractable: true })
const client = { id: 'night-report', secret: crypto.randomUUID() }
const provider = new Provider(issuer, {
  clients: [
    {
      client_id: client.id,
      client_secret: client.secret,
      grant_types: ['client_credentials'],
      redirect_uris: [],
      response_types: [],
      id_token_signed_response_alg: 'ES256',
    },
  ],
  jwks: { keys: [{ ...(await exportJWK(privateKey)), alg: 'ES256', use: 'sig' } as never] },
  ttl: { ClientCredentials: 600 },
  extraTokenClaims: () => ({ tenant_id: 'f330c503-5e9c-46a7-8393-2995aeb03675' }),
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    resourceIndicators: {
      enabled: true,
      getResourceServerInfo: () => ({
        scope: 'users:read',
        audience: 'rowpass',
        accessTokenFormat: 'jwt',
        jwt: { sign: { alg: 'ES256' } },
      }),
    },
  },
})
const server = createServer(provider.callback()).listen(Number(PORT), '127.0.0.1')

const response = await fetch(`${issuer}/token`, {
  method: 'POST',
  headers: { authorization: `Basic ${btoa(`${client.id}:${client.secret}`)}` },
  body: new URLSearchParams({ grant_type: 'client_credentials', resource: 'https://sql.example.com/' }),
})
const { access_token: authToken } = (await response.json()) as { access_token: string }
const sql = neon(DATABASE_URL, { authToken })

console.log(await sql`select auth.user_id() as program, name as tenant from tenants`)
server.close()
server.closeAllConnections()
