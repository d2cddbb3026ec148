/**
 * Better Auth in the drill. Its documentation: set `rotationInterval`; the first token after it makes the next key, and old
 * keys are published for `gracePeriod` (default 30 days) longer.
 */
import { betterAuth } from 'better-auth'
import { type MemoryDB, memoryAdapter } from 'better-auth/adapters/memory'
import { toNodeHandler } from 'better-auth/node'
import { jwt } from 'better-auth/plugins'
import { decodeProtectedHeader } from 'jose'
import { startHost } from './host.ts'
import { cycleMs, type Subject, sleep, tokenOf } from './subject.ts'

const jwksPath = '/api/auth/jwks'
/** Seconds: longer than its tokens live and key sets are kept, and not so long that fifty keys are published. */
const gracePeriod = 6

/** Starts it, with one person who is signed in. */
export async function startBetterAuth(): Promise<Subject> {
  const host = await startHost()
  const stored: MemoryDB = { user: [], session: [], account: [], verification: [], jwks: [] }
  const lifetime = { expirationTime: '2s' }
  const auth = betterAuth({
    baseURL: host.origin,
    secret: crypto.randomUUID() + crypto.randomUUID(),
    database: memoryAdapter(stored),
    emailAndPassword: { enabled: true },
    rateLimit: { enabled: false },
    telemetry: { enabled: false },
    plugins: [jwt({ jwt: lifetime, jwks: { rotationInterval: cycleMs / 1000, gracePeriod } })],
  })
  host.serve(toNodeHandler(auth))
  const signedUp = await fetch(`${host.origin}/api/auth/sign-up/email`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', origin: host.origin },
    body: JSON.stringify({ name: 'drill', email: 'drill@example.test', password: crypto.randomUUID() }),
  })
  const cookie = signedUp.headers
    .getSetCookie()
    .map((each) => each.split(';', 1)[0])
    .join('; ')

  async function token(ttlSeconds: number): Promise<string> {
    lifetime.expirationTime = `${ttlSeconds}s`
    const response = await fetch(`${host.origin}/api/auth/token`, { headers: { cookie } })
    return tokenOf(response, 'token')
  }
  const kid = async () => decodeProtectedHeader(await token(2)).kid

  return {
    name: 'Better Auth',
    says: '`rotationInterval`; the new key signs at once',
    trust: {
      iss: host.origin,
      jwks_url: `${host.origin}${jwksPath}`,
      audience: host.origin,
      algorithms: ['EdDSA'],
      typ: [''],
    },
    jwksUrl: `${host.origin}${jwksPath}`,
    token,
    async rotate() {
      const before = await kid()
      while ((await kid()) === before) await sleep(50)
    },
    // There is no command for it: the row is deleted.
    async remove() {
      stored.jwks?.splice(0)
      await kid()
    },
    fetches: () => host.hits(jwksPath),
    close: host.close,
  }
}
