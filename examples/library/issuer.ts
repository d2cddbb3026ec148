import { createServer } from 'node:http'
import { generateKey, importSigningKey, issueToken, jwksMaxAgeSeconds, toJwks } from 'rowpass/issuer'

const issuer = 'https://issuer.example'
// Make it once, keep it secret: see "rowpass keys".
const { privateJwk } = await generateKey()
const key = await importSigningKey(privateJwk)

/** From request to answer, as any runtime with web standards calls it. */
export async function handle(request: Request): Promise<Response> {
  const { pathname } = new URL(request.url)
  if (pathname === '/.well-known/jwks.json') {
    const headers = { 'cache-control': `public, max-age=${jwksMaxAgeSeconds}` }
    return Response.json(toJwks([key.publicJwk]), { headers })
  }
  if (pathname === '/token' && request.method === 'POST') {
    const user = findUser(await request.formData())
    if (user === undefined) return Response.json({ error: 'invalid_grant' }, { status: 400 })
    const { id: subject, tenantId: tenant_id } = user
    const token = await issueToken(key, {
      ...{ issuer, audience: 'rowpass', subject, clientId: 'web' },
      claims: { tenant_id, role: 'member' },
    })
    const headers = { 'cache-control': 'no-store' }
    return Response.json({ access_token: token, token_type: 'Bearer', expires_in: 900 }, { headers })
  }
  return new Response(null, { status: 404 })
}

/** Your own check of a password, of a passkey, of whatever proves who somebody is. */
function findUser(form: FormData): { id: string; tenantId: string } | undefined {
  const known = form.get('email') === 'ada@example.com' && form.get('code') === '123456'
  return known ? { id: 'ada', tenantId: 'f330c503-5e9c-46a7-8393-2995aeb03675' } : undefined
}

// On Node; with Deno, Bun or Workers the function above is the server.
const server = createServer(async (request, response) => {
  const body = request.method === 'POST' ? { method: 'POST', body: await readAll(request) } : {}
  const type = request.headers['content-type'] ?? ''
  const answer = await handle(
    new Request(`http://localhost${request.url}`, { ...body, headers: { 'content-type': type } }),
  )
  response.writeHead(answer.status, Object.fromEntries(answer.headers)).end(await answer.text())
})

async function readAll(chunks: AsyncIterable<Uint8Array>): Promise<string> {
  const parts: Uint8Array[] = []
  for await (const chunk of chunks) parts.push(chunk)
  return Buffer.concat(parts).toString()
}

server.listen(Number(process.env.PORT ?? 0), '127.0.0.1', async () => {
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  const url = `http://127.0.0.1:${address.port}`
  const signIn = await fetch(`${url}/token`, {
    method: 'POST',
    body: new URLSearchParams({ email: 'ada@example.com', code: '123456' }),
  })
  console.log(signIn.status, Object.keys(await signIn.json()))
  const { keys } = await (await fetch(`${url}/.well-known/jwks.json`)).json()
  console.log(keys.length, 'key for', keys[0].alg)
  if (process.env.PORT === undefined) server.close()
})
