/**
 * People of Better Auth, in the database as themselves.
 *
 * First, in another terminal: ROWPASS_ISSUERS="$(cat examples/issuers/issuers.json)" npm start
 */
import { createServer } from 'node:http'
import { neon, neonConfig } from '@neondatabase/serverless'
import { betterAuth } from 'better-auth'
import { memoryAdapter } from 'better-auth/adapters/memory'
import { toNodeHandler } from 'better-auth/node'
import { jwt } from 'better-auth/plugins'

const { PORT = '3000', DATABASE_URL = 'postgresql://authenticated@127.0.0.1/rowpass' } = process.env
neonConfig.fetchEndpoint = process.env.GATEWAY_URL ?? 'http://127.0.0.1:4444/sql'
const baseURL = `http://127.0.0.1:${PORT}`

/** Who is in which tenant is for the application to know, and not for people to say. */
const tenantOf = new Map<string, string>()

const auth = betterAuth({
  baseURL,
  secret: crypto.randomUUID() + crypto.randomUUID(),
  database: memoryAdapter({ user: [], session: [], account: [], verification: [], jwks: [] }),
  emailAndPassword: { enabled: true },
  telemetry: { enabled: false },
  plugins: [jwt({ jwt: { audience: 'rowpass', definePayload: ({ user }) => ({ tenant_id: tenantOf.get(user.id) }) } })],
})
const server = createServer(toNodeHandler(auth)).listen(Number(PORT), '127.0.0.1')

const signUp = await fetch(`${baseURL}/api/auth/sign-up/email`, {
  method: 'POST',
  headers: { 'content-type': 'application/json', origin: baseURL },
  body: JSON.stringify({ name: 'Ada', email: 'ada@example.com', password: crypto.randomUUID() }),
})
const { user } = (await signUp.json()) as { user: { id: string } }
const cookie = signUp.headers.getSetCookie().join('; ')

async function tenantsOfAda(): Promise<unknown> {
  const response = await fetch(`${baseURL}/api/auth/token`, { headers: { cookie } })
  const { token } = (await response.json()) as { token: string }
  return neon(DATABASE_URL, { authToken: token })`select name from tenants`
}

console.log(await tenantsOfAda())
tenantOf.set(user.id, 'f330c503-5e9c-46a7-8393-2995aeb03675')
console.log(await tenantsOfAda())
server.close()
server.closeAllConnections()
