/**
 * A program that gets tokens of its users from OpenAuth by client credentials, in the database as one of them.
 *
 * First, in another terminal: ROWPASS_ISSUERS="$(cat examples/issuers/issuers.json)" npm start
 */
import { createServer } from 'node:http'
import { text } from 'node:stream/consumers'
import { neon, neonConfig } from '@neondatabase/serverless'
import { issuer } from '@openauthjs/openauth'
import { MemoryStorage } from '@openauthjs/openauth/storage/memory'
import { createSubjects } from '@openauthjs/openauth/subject'

const { PORT = '3002', DATABASE_URL = 'postgresql://authenticated@127.0.0.1/rowpass' } = process.env
neonConfig.fetchEndpoint = process.env.GATEWAY_URL ?? 'http://127.0.0.1:4444/sql'
const origin = `http://127.0.0.1:${PORT}`
const secret = crypto.randomUUID()

const subjects = createSubjects({
  user: { '~standard': { version: 1, vendor: 'example', validate: () => ({ value: {} }) } },
})
const app = issuer({
  subjects,
  storage: MemoryStorage(),
  ttl: { access: 600 },
  providers: {
    program: {
      type: 'program',
      init() {},
      async client({ clientSecret, params }: { clientSecret: string; params: Record<string, string> }) {
        if (clientSecret !== secret) throw new Error('the secret is wrong')
        return { id: params.user ?? '' }
      },
    },
  },
  // Without `subject` it would be a hash, and `auth.uid()` NULL.
  success: async (context, { id }) => context.subject('user', {}, { subject: id }),
})
const server = createServer(async (request, response) => {
  const answer = await app.request(`${origin}${request.url}`, {
    method: request.method ?? 'GET',
    headers: { 'content-type': request.headers['content-type'] ?? 'text/plain' },
    body: request.method === 'POST' ? await text(request) : null,
  })
  response.writeHead(answer.status, Object.fromEntries(answer.headers)).end(await answer.text())
}).listen(Number(PORT), '127.0.0.1')

const response = await fetch(`${origin}/token`, {
  method: 'POST',
  body: new URLSearchParams({
    grant_type: 'client_credentials',
    provider: 'program',
    client_id: 'rowpass',
    client_secret: secret,
    user: '60ae8038-e4f4-4a2c-ab55-47934d41dfd3',
  }),
})
const { access_token: authToken } = (await response.json()) as { access_token: string }

const sql = neon(DATABASE_URL, { authToken })

console.log(await sql`select user_id as person, role from memberships`)
server.close()
server.closeAllConnections()
