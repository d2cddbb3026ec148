/**
 * oidc-provider in the drill. Its documentation: put the new key at the end of `jwks.keys` and reload all processes, then put
 * it at the front and reload all processes. It does not say to wait in between; both ways are tried.
 */
import Provider, { type AdapterFactory } from 'oidc-provider'
import { generateKey } from '../../packages/rowpass/src/token/key.ts'
import { startHost } from './host.ts'
import { maxAgeSeconds, type Subject, sleep, tokenOf } from './subject.ts'

const jwksPath = '/jwks'
const resource = 'https://sql.example.com/'
const secret = crypto.randomUUID()
/** A gateway reads sets of up to 64 keys; the documentation does not say when old ones go. */
const keptKeys = 10

/** @param waits whether the operator waits for one max-age between the two steps */
export async function startOidcProvider(waits: boolean): Promise<Subject> {
  const host = await startHost()
  let keys: object[] = [(await generateKey()).privateJwk]
  let ttl = 2
  const deploy = (next: object[]) => {
    keys = next
    host.serve(createProvider(host.origin, keys, () => ttl).callback())
  }
  deploy(keys)

  return {
    name: waits ? 'oidc-provider, waiting' : 'oidc-provider',
    says: waits ? 'key last, reload, wait, key first, reload' : 'key last, reload, key first, reload',
    trust: { iss: host.origin, jwks_url: `${host.origin}${jwksPath}`, audience: resource },
    jwksUrl: `${host.origin}${jwksPath}`,
    async token(ttlSeconds) {
      ttl = ttlSeconds
      const response = await fetch(`${host.origin}/token`, {
        method: 'POST',
        headers: { authorization: `Basic ${btoa(`drill:${secret}`)}` },
        body: new URLSearchParams({ grant_type: 'client_credentials', resource, scope: 'read' }),
      })
      return tokenOf(response, 'access_token')
    },
    async rotate() {
      const fresh = (await generateKey()).privateJwk
      const before = keys
      deploy([...before, fresh])
      if (waits) await sleep(maxAgeSeconds * 1000 + 200)
      deploy([fresh, ...before].slice(0, keptKeys))
    },
    async remove() {
      deploy([(await generateKey()).privateJwk, ...keys.slice(1)])
    },
    fetches: () => host.hits(jwksPath),
    close: host.close,
  }
}

function createProvider(issuer: string, keys: readonly object[], ttl: () => number): Provider {
  return new Provider(issuer, {
    adapter,
    clients: [
      {
        client_id: 'drill',
        client_secret: secret,
        grant_types: ['client_credentials'],
        redirect_uris: [],
        response_types: [],
        id_token_signed_response_alg: 'ES256',
      },
    ],
    jwks: { keys: keys as never },
    ttl: { ClientCredentials: ttl },
    enabledJWA: { idTokenSigningAlgValues: ['ES256'] },
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: () => ({ scope: 'read', accessTokenFormat: 'jwt', jwt: { sign: { alg: 'ES256' } } }),
      },
    },
  })
}

/** Tokens in JWT form are not kept. */
const adapter: AdapterFactory = () => {
  const nothing = async () => undefined
  return {
    upsert: nothing,
    find: nothing,
    findByUserCode: nothing,
    findByUid: nothing,
    consume: nothing,
    destroy: nothing,
    revokeByGrantId: nothing,
  }
}
