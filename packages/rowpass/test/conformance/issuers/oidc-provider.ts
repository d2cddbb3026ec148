/** oidc-provider; programs get JWT access tokens (RFC 9068) for a resource by client credentials. */
import Provider, { type AdapterFactory, type AdapterPayload, type AsymmetricSigningAlgorithm } from 'oidc-provider'
import { type Algorithm, type GeneratedKey, generateKey } from '../../../src/token/key.ts'
import { startHost } from './host.ts'
import type { RealIssuer } from './real-issuer.ts'

/** What can be asked of oidc-provider beyond the others. */
export interface OidcIssuer extends RealIssuer {
  /** A token for no resource in particular, which is opaque. */
  opaqueToken(): Promise<string>
  /** A token with less than all scopes. */
  tokenFor(scope: string): Promise<string>
}

/** Starts oidc-provider with two programs. It calls EdDSA by either of its names. */
export async function startOidcProvider(alg: Algorithm | 'Ed25519' = 'RS256'): Promise<OidcIssuer> {
  const host = await startHost()
  const principals = ['night-report', 'billing'] as const
  const secret = crypto.randomUUID()
  const algorithm = alg === 'Ed25519' ? 'EdDSA' : alg
  let keys: GeneratedKey['privateJwk'][] = []

  /** Its keys are a part of its configuration: rotation is a new deployment, which signs with the first key. */
  async function rotate(): Promise<void> {
    keys = [{ ...(await generateKey(algorithm)).privateJwk, alg }, ...keys]
    host.serve(deployProvider(host.origin, alg, keys, { ids: principals, secret }).callback())
  }

  async function request(client: string, parameters: Record<string, string>): Promise<string> {
    const response = await fetch(`${host.origin}/token`, {
      method: 'POST',
      headers: { authorization: `Basic ${btoa(`${client}:${secret}`)}` },
      body: new URLSearchParams({ grant_type: 'client_credentials', ...parameters }),
    })
    return ((await response.json()) as { access_token: string }).access_token
  }

  await rotate()
  return {
    name: 'oidc-provider',
    host,
    jwksPath: '/jwks',
    trust: { iss: host.origin, jwks_url: `${host.origin}/jwks`, audience: resource, algorithms: [algorithm] },
    principals,
    token: (client = principals[0]) => request(client, { resource, scope: 'notes:read notes:write' }),
    tokenFor: (scope) => request(principals[0], { resource, scope }),
    opaqueToken: () => request(principals[0], {}),
    rotate,
  }
}

const resource = 'https://sql.example.com/'

function deployProvider(
  issuer: string,
  alg: string,
  keys: readonly object[],
  clients: { ids: readonly string[]; secret: string },
): Provider {
  return new Provider(issuer, {
    adapter: createAdapter(),
    clients: clients.ids.map((client_id) => ({
      client_id,
      client_secret: clients.secret,
      grant_types: ['client_credentials'],
      redirect_uris: [],
      response_types: [],
    })),
    jwks: { keys: keys as never },
    ttl: { ClientCredentials: 600 },
    enabledJWA: { idTokenSigningAlgValues: [alg] as AsymmetricSigningAlgorithm[] },
    clientDefaults: { id_token_signed_response_alg: alg as AsymmetricSigningAlgorithm },
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: () => ({ scope: 'notes:read notes:write', accessTokenFormat: 'jwt' }),
      },
    },
  })
}

/** Keeps what client credentials need kept, which is opaque tokens. */
function createAdapter(): AdapterFactory {
  const stored = new Map<string, AdapterPayload>()
  const nothing = async () => undefined
  return () => ({
    async upsert(id, payload) {
      stored.set(id, payload)
    },
    find: async (id) => stored.get(id),
    findByUserCode: nothing,
    findByUid: nothing,
    consume: nothing,
    destroy: nothing,
    revokeByGrantId: nothing,
  })
}
