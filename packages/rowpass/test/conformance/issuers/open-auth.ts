/** OpenAuth with its defaults; a program asks for tokens of its users by client credentials. */
import type { IncomingMessage } from 'node:http'
import { issuer } from '@openauthjs/openauth'
import { MemoryStorage } from '@openauthjs/openauth/storage/memory'
import { Storage } from '@openauthjs/openauth/storage/storage'
import { createSubjects } from '@openauthjs/openauth/subject'
import { startHost } from './host.ts'
import type { RealIssuer } from './real-issuer.ts'

/** As Standard Schema has it; what is in a subject is not looked at here. */
const anything = { '~standard': { version: 1, vendor: 'test', validate: (value: unknown) => ({ value }) } } as const
const subjects = createSubjects({ user: anything })

/** Starts OpenAuth with one client and two users. */
export async function startOpenAuth(): Promise<RealIssuer> {
  const host = await startHost()
  const storage = MemoryStorage()
  const secret = crypto.randomUUID()
  const program = {
    type: 'program',
    init() {},
    async client({ clientSecret, params }: { clientSecret: string; params: Record<string, string> }) {
      if (clientSecret !== secret) throw new Error('the secret is wrong')
      return { id: params.user ?? '' }
    },
  }

  function deploy(): void {
    const app = issuer({
      subjects,
      storage,
      providers: { program },
      success: async (context, { id }) => context.subject('user', { id }),
    })
    host.serve(async (request, response) => {
      const body = request.method === 'POST' ? await bodyOf(request) : null
      const headers = { 'content-type': request.headers['content-type'] ?? 'text/plain' }
      const answer = await app.request(`${host.origin}${request.url}`, {
        method: request.method ?? 'GET',
        headers,
        body,
      })
      response.writeHead(answer.status, Object.fromEntries(answer.headers)).end(await answer.text())
    })
  }

  deploy()
  const principals = ['ada', 'ben'] as const
  const jwksPath = '/.well-known/jwks.json'
  return {
    name: 'OpenAuth',
    host,
    jwksPath,
    trust: {
      iss: host.origin,
      jwks_url: `${host.origin}${jwksPath}`,
      audience: 'web',
      require: { mode: 'access' },
      algorithms: ['ES256'],
      typ: ['JWT'],
      iat_optional: true,
      max_ttl_seconds: 2_592_000,
    },
    principals,
    async token(user = principals[0]) {
      const grant = {
        grant_type: 'client_credentials',
        provider: 'program',
        client_id: 'web',
        client_secret: secret,
        user,
      }
      const response = await fetch(`${host.origin}/token`, { method: 'POST', body: new URLSearchParams(grant) })
      return ((await response.json()) as { access_token: string }).access_token
    },
    // The keys so far have had their time; the next deployment makes one.
    async rotate() {
      for await (const [key, value] of Storage.scan<Record<string, unknown>>(storage, ['signing:key'])) {
        // The newest signs, and the clock may stand.
        await Storage.set(storage, key, { ...value, created: Number(value.created) - 1_000, expired: Date.now() })
      }
      deploy()
    },
  }
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = ''
  for await (const chunk of request.setEncoding('utf8')) text += chunk
  return text
}
