/**
 * OpenAuth in the drill. Its documentation does not speak of rotation; its code signs with the newest key whose `expired` is
 * not set, makes one when there is none, publishes all, and reads its keys once in the life of a process. So a rotation
 * marks the key in the store and starts the process again.
 */
import { issuer } from '@openauthjs/openauth'
import { MemoryStorage } from '@openauthjs/openauth/storage/memory'
import { createSubjects } from '@openauthjs/openauth/subject'
import * as z from 'zod'
import { startHost } from './host.ts'
import { type Subject, tokenOf } from './subject.ts'

const jwksPath = '/.well-known/jwks.json'

/** Starts it, with one service that gets tokens. */
export async function startOpenAuth(): Promise<Subject> {
  const host = await startHost()
  const storage = MemoryStorage()
  let ttl = 2

  function deploy(): void {
    const app = issuer({
      storage,
      subjects: createSubjects({ service: z.object({ id: z.string() }) }),
      providers: { service: { type: 'service', init() {}, client: async ({ clientID }) => ({ clientID }) } },
      success: async (context) => context.subject('service', { id: 'drill' }, { ttl: { access: ttl } }),
    })
    host.serveFetch((request) => app.fetch(request))
  }
  async function stored(): Promise<[string[], Record<string, unknown>][]> {
    const found: [string[], Record<string, unknown>][] = []
    for await (const entry of storage.scan(['signing:key'])) found.push([entry[0], entry[1]])
    return found
  }
  async function token(ttlSeconds: number): Promise<string> {
    ttl = ttlSeconds
    const parameters = { grant_type: 'client_credentials', provider: 'service', client_id: 'drill', client_secret: 'x' }
    const response = await fetch(`${host.origin}/token`, { method: 'POST', body: new URLSearchParams(parameters) })
    return tokenOf(response, 'access_token')
  }

  deploy()
  return {
    name: 'OpenAuth',
    says: '`expired` in the store, restart; undocumented',
    // A gateway takes no token without `iat`.
    trust: undefined,
    jwksUrl: `${host.origin}${jwksPath}`,
    token,
    async rotate() {
      for (const [name, key] of await stored()) await storage.set(name, { ...key, expired: Date.now() })
      deploy()
      await token(2)
    },
    async remove() {
      for (const [name, key] of await stored()) if (key.expired === undefined) await storage.remove(name)
      deploy()
      await token(2)
    },
    fetches: () => host.hits(jwksPath),
    close: host.close,
  }
}
