/** Better Auth with its `jwt` plugin; people sign up with a password and ask `/api/auth/token`. */
import { betterAuth } from 'better-auth'
import { type MemoryDB, memoryAdapter } from 'better-auth/adapters/memory'
import { toNodeHandler } from 'better-auth/node'
import { type JwtOptions, jwt } from 'better-auth/plugins'
import { startHost } from './host.ts'
import type { RealIssuer } from './real-issuer.ts'

/** What can be asked of Better Auth beyond the others. */
export interface BetterAuthIssuer extends RealIssuer {
  /** The token of a sign-in, which is not a JWT. */
  sessionToken(principal: string): string
  /** Removes every key but the newest, as after a leak. */
  forgetOldKeys(): void
}

/** Starts Better Auth with two people, and its defaults but for what is given. */
export async function startBetterAuth(options: JwtOptions = {}): Promise<BetterAuthIssuer> {
  const host = await startHost()
  const stored: MemoryDB = { user: [], session: [], account: [], verification: [], jwks: [] }
  const auth = betterAuth({
    baseURL: host.origin,
    secret: crypto.randomUUID() + crypto.randomUUID(),
    database: memoryAdapter(stored),
    emailAndPassword: { enabled: true },
    rateLimit: { enabled: false },
    telemetry: { enabled: false },
    plugins: [jwt({ ...options, jwks: { rotationInterval: 30 * 86_400, ...options.jwks } })],
  })
  host.serve(toNodeHandler(auth))
  const principals = ['ada@example.test', 'ben@example.test'] as const
  const cookies = new Map<string, string>()
  for (const email of principals) cookies.set(email, await signUp(host.origin, email))
  return {
    name: 'Better Auth',
    host,
    jwksPath: '/api/auth/jwks',
    trust: {
      iss: host.origin,
      jwks_url: `${host.origin}/api/auth/jwks`,
      audience: host.origin,
      algorithms: ['EdDSA'],
      typ: [''],
    },
    principals,
    async token(email = principals[0]) {
      const response = await fetch(`${host.origin}/api/auth/token`, { headers: { cookie: cookies.get(email) ?? '' } })
      return ((await response.json()) as { token: string }).token
    },
    sessionToken: (email) => /session_token=([^.;]+)/.exec(cookies.get(email) ?? '')?.[1] ?? '',
    // The interval is up: the next token makes a key.
    async rotate() {
      for (const row of stored.jwks ?? []) row.expiresAt = new Date(Date.now() - 1)
    },
    forgetOldKeys: () => stored.jwks?.splice(0, stored.jwks.length - 1),
  }
}

async function signUp(origin: string, email: string): Promise<string> {
  const response = await fetch(`${origin}/api/auth/sign-up/email`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', origin },
    body: JSON.stringify({ name: email.split('@', 1)[0], email, password: crypto.randomUUID() }),
  })
  return response.headers
    .getSetCookie()
    .map((cookie) => cookie.split(';', 1)[0])
    .join('; ')
}
