import {
  createIssuer,
  createSecret,
  fixedKeys,
  generateKey,
  hashPassword,
  hashSecret,
  type Issuer,
  importSigningKey,
} from 'rowpass/issuer'
import { createMemoryStore } from './memory-store.js'

const password = 'correct horse battery staple'

/** Secrets of clients, hashes of passwords and the key: yours are made once, and kept. */
async function create(): Promise<{ issuer: Issuer; secret: string }> {
  const secret = createSecret()
  const noService = { tenantId: undefined, role: undefined }
  const clients = [
    { clientId: 'web', secretHash: undefined, grantTypes: ['password', 'refresh_token'], scopes: [], ...noService },
    { clientId: 'api', secretHash: await hashSecret(secret), grantTypes: [], scopes: [], ...noService },
  ]
  const ada = { userId: 'ada', tenantId: 'f330c503-5e9c-46a7-8393-2995aeb03675', role: 'member' }
  const accounts = [{ email: 'ada@example.com', passwordHash: await hashPassword(password), places: [ada] as const }]
  const issuer = createIssuer({
    issuer: 'https://id.example.com',
    audience: 'rowpass',
    keys: fixedKeys(await importSigningKey((await generateKey()).privateJwk)),
    store: createMemoryStore(clients, accounts),
    claimsFor: ({ role }) => ({ plan: role === 'admin' ? 'team' : 'free' }),
    paths: { token: '/token', revoke: '/revoke', introspect: '/introspect' },
  })
  return { issuer, secret }
}

/** With the first request: some runtimes draw no random numbers before. */
let created: ReturnType<typeof create> | undefined
const get = () => (created ??= create())

/** From request to answer, as any runtime with web standards calls it. */
export async function handle(request: Request): Promise<Response> {
  const { issuer } = await get()
  return (await issuer.handle(request)) ?? new Response(null, { status: 404 })
}

async function post(path: string, form: Record<string, string>) {
  const request = new Request(`https://id.example.com${path}`, { method: 'POST', body: new URLSearchParams(form) })
  return (await handle(request)).json()
}

/** A person signs in and refreshes; then the token that was used comes again, and the session is over. */
export async function walk(): Promise<readonly unknown[]> {
  const { secret } = await get()
  const signIn = { grant_type: 'password', client_id: 'web', username: 'Ada@example.com' }
  const refresh = { grant_type: 'refresh_token', client_id: 'web' }
  const introspect = async (token: string) => {
    const { active, sub } = await post('/introspect', { token, client_id: 'api', client_secret: secret })
    return { active, sub }
  }
  const wrong = await post('/token', { ...signIn, password: 'another' })
  const first = await post('/token', { ...signIn, password })
  const second = await post('/token', { ...refresh, refresh_token: first.refresh_token })
  const before = await introspect(second.access_token)
  const again = await post('/token', { ...refresh, refresh_token: first.refresh_token })
  return [wrong.error, first.token_type, before, again.error, await introspect(second.access_token)]
}
