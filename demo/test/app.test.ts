import { readFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { decodeJwt, decodeProtectedHeader, importJWK, jwtVerify } from 'jose'
import { describe, expect, it, vi } from 'vitest'
import { generateKey } from '../../packages/rowpass/src/token/key.ts'
import { createAssets } from '../src/assets.ts'
import type { Bindings } from '../src/env.ts'
import { maxBodyBytes } from '../src/input.ts'
import { personas } from '../src/personas.ts'
import { askApp } from './conform.ts'

const key = await generateKey()
const web = new URL('../web/', import.meta.url)
const bindings: Bindings = {
  DATABASE_URL: 'postgresql://authenticated@127.0.0.1:5432/rowpass',
  GATEWAY_URL: `http://127.0.0.1:${await closedPort()}/sql`,
  PRIVATE_KEY: JSON.stringify(key.privateJwk),
  ISSUER: 'http://issuer.localhost',
  AUDIENCE: 'somebody',
  DEMO: 'true',
  ASSETS: createAssets((name) => readFile(new URL(name, web)).catch(() => undefined)),
}
const closed: Bindings = { ...bindings, DEMO: '' }
const bearer = { Authorization: 'Bearer a.b.c' }
const ask = (path: string, init: RequestInit) => askApp(path, init, bindings)
const get = (path: string, headers: Record<string, string> = {}) => ask(path, { headers })
const send = (method: string, path: string, body: string, headers: Record<string, string> = {}) =>
  ask(path, { method, body, headers: { 'Content-Type': 'application/json', ...bearer, ...headers } })

describe('GET /.well-known/jwks.json', () => {
  it('SEC-20 SEC-22 publishes the public key, for five minutes', async () => {
    const response = await get('/.well-known/jwks.json')
    expect(response.status).toBe(200)
    expect(response.headers.get('Content-Type')).toBe('application/jwk-set+json')
    expect(response.headers.get('Cache-Control')).toBe('public, max-age=300')
    expect(await response.json()).toEqual({ keys: [key.publicJwk] })
  })

  it('SEC-22 answers 304 to who has the document, 200 to who has another', async () => {
    const etag = (await get('/.well-known/jwks.json')).headers.get('ETag')!
    const same = await get('/.well-known/jwks.json', { 'If-None-Match': `"old", ${etag}` })
    expect([same.status, await same.text()]).toEqual([304, ''])
    expect(same.headers.get('Cache-Control')).toBe('public, max-age=300')
    expect((await get('/.well-known/jwks.json', { 'If-None-Match': '"old"' })).status).toBe(200)
  })
})

describe('GET /api/token', () => {
  it.each(['/api/token', '/token'])('SEC-30 signs in David at %s, and lets nobody keep the answer', async (path) => {
    const response = await get(path)
    expect(response.status).toBe(200)
    expect(response.headers.get('Cache-Control')).toBe('no-store')
    const body = (await response.json()) as { access_token: string }
    expect(body).toEqual({ access_token: expect.any(String), token_type: 'Bearer', expires_in: 900 })
    const claims = decodeJwt(body.access_token)
    expect(claims).toMatchObject({
      iss: 'http://issuer.localhost',
      aud: 'somebody',
      sub: '2e7e25e8-5445-40bd-8f89-dc19bba64faa',
      client_id: 'rowpass-demo',
      tenant_id: 'f330c503-5e9c-46a7-8393-2995aeb03675',
      role: 'member',
    })
    expect(claims.exp! - claims.iat!).toBe(900)
  })

  it('signs with the key that it publishes', async () => {
    const { access_token: token } = (await (await get('/api/token')).json()) as { access_token: string }
    expect(decodeProtectedHeader(token)).toEqual({ alg: 'ES256', typ: 'at+jwt', kid: key.kid })
    await expect(jwtVerify(token, await importJWK(key.publicJwk))).resolves.toBeDefined()
  })

  it.each(personas.map(({ email, id, role }) => [email, id, role]))(
    'signs in %s by id and by address',
    async (email, id, role) => {
      for (const as of [id, email]) {
        const response = await get(`/api/token?as=${encodeURIComponent(as)}`)
        const { access_token: token } = (await response.json()) as { access_token: string }
        expect(decodeJwt(token)).toMatchObject({ sub: id, role })
      }
    },
  )

  it.each(['nobody@neon.example', '', '__proto__'])('refuses "%s" in the form of RFC 6749', async (as) => {
    const response = await get(`/api/token?as=${as}`)
    expect(response.status).toBe(400)
    expect(response.headers.get('Cache-Control')).toBe('no-store')
    expect(await response.json()).toMatchObject({ error: 'invalid_grant', error_description: expect.any(String) })
  })
})

describe('without DEMO', () => {
  it.each(['/api/token', '/token', '/api/personas', '/', '/docs', '/index.html', '/main.js', '/page.css'])(
    'has nothing at %s',
    async (path) => {
      const response = await askApp(path, {}, closed)
      expect([response.status, await response.json()]).toMatchObject([404, { code: 'path_unknown' }])
    },
  )

  it('still publishes its keys', async () => {
    expect((await askApp('/.well-known/jwks.json', {}, closed)).status).toBe(200)
  })
})

describe('the host of a request under DEMO', () => {
  const askAt = (host: string, path = '/api/token', given = bindings) =>
    askApp(`http://${host}${path}`, { headers: { Host: host } }, given)

  it.each(['127.0.0.1:8787', 'localhost:8787', '[::1]:8787', 'issuer.localhost'])('may be %s', async (host) => {
    expect((await askAt(host)).status).toBe(200)
  })

  it.each([
    '/api/token',
    '/token',
    '/api/personas',
    '/',
    '/main.js',
    '/.well-known/jwks.json',
    '/api/users',
    '/nowhere',
  ])('SEC-78 no page whose own name points to this machine gets an answer: %s', async (path) => {
    const response = await askAt('evil.example:8787', path)
    expect([response.status, await response.json()]).toMatchObject([421, { code: 'host_unknown' }])
    expect((await askApp(path, { headers: { Host: 'evil.example' } }, bindings)).status).toBe(421)
  })

  it('SEC-78 may be one of DEMO_HOSTS, and no other', async () => {
    const given = { ...bindings, DEMO_HOSTS: 'Box.example, other.example' }
    expect((await askAt('box.example:8787', '/api/token', given)).status).toBe(200)
    expect((await askAt('a.box.example', '/api/token', given)).status).toBe(421)
  })

  it('SEC-78 what comes past the front of `rowpass dev` gets no answer', async () => {
    const given = { ...bindings, FRONT_SECRET: 'canary' }
    const statusWith = async (headers: Record<string, string>) =>
      (await askApp('/api/token', { headers }, given)).status
    expect(await statusWith({ 'Rowpass-Front': 'canary' })).toBe(200)
    for (const headers of [{}, { 'Rowpass-Front': 'canarz' }, { 'Rowpass-Front': '' }]) {
      expect(await statusWith(headers as Record<string, string>)).toBe(421)
    }
  })

  it('may be any without DEMO: nobody is signed in without a password there', async () => {
    expect((await askAt('any.example', '/.well-known/jwks.json', closed)).status).toBe(200)
  })
})

describe('the page', () => {
  it.each([
    ['/', 'text/html; charset=utf-8'],
    ['/docs', 'text/html; charset=utf-8'],
    ['/docs.js', 'text/javascript; charset=utf-8'],
    ['/main.js', 'text/javascript; charset=utf-8'],
    ['/page.css', 'text/css; charset=utf-8'],
    ['/icon.svg', 'image/svg+xml'],
  ])('serves %s under a policy that runs nothing else', async (path, type) => {
    const response = await get(path)
    expect(response.status).toBe(200)
    expect(response.headers.get('Content-Type')).toBe(type)
    const policy = response.headers.get('Content-Security-Policy')
    expect(policy).toContain("default-src 'none'; script-src 'self'; style-src 'self'")
    expect(policy).not.toContain('unsafe')
  })

  it.each(['/missing.js', '/..%2fpackage.json', '/../package.json', '/.dev.vars', '/a/b.js', '/index.html/'])(
    'serves no other file: %s',
    async (path) => {
      expect((await get(path)).status).toBe(404)
    },
  )
})

describe('the bearer token', () => {
  it.each<[string, Record<string, string>, string | null]>([
    ['no header', {}, 'Bearer realm="rowpass"'],
    ['another scheme', { Authorization: 'Basic ZGF2aWQ6' }, 'Bearer realm="rowpass"'],
  ])('SEC-18 challenges %s without an error code', async (_title, headers, challenge) => {
    const response = await get('/api/users', headers)
    expect([response.status, await response.json()]).toMatchObject([401, { code: 'token_missing' }])
    expect(response.headers.get('WWW-Authenticate')).toBe(challenge)
  })

  it.each(['Bearer', 'Bearer ', 'Bearer a b', 'Bearer a.b.c\u00e9', 'bearer "a"'])(
    'SEC-18 refuses what cannot be a token: %s',
    async (Authorization) => {
      const response = await get('/api/users', { Authorization })
      expect([response.status, await response.json()]).toMatchObject([401, { code: 'token_invalid' }])
      expect(response.headers.get('WWW-Authenticate')).toContain('error="invalid_token"')
    },
  )

  it('SEC-19 refuses two tokens', async () => {
    const headers = new Headers(bearer)
    headers.append('Authorization', 'Bearer d.e.f')
    const response = await askApp('/api/users', { headers }, bindings)
    expect([response.status, await response.json()]).toMatchObject([400, { code: 'request_invalid' }])
  })

  it.each(['/api/users?access_token=a.b.c', '/api/tenants?authorization=Bearer%20a.b.c'])(
    'SEC-19 is not taken from the query: %s',
    async (path) => {
      expect((await get(path)).status).toBe(401)
    },
  )

  it.each([
    ['GET', '/api/users/2e7e25e8-5445-40bd-8f89-dc19bba64faa'],
    ['POST', '/api/users'],
    ['PATCH', '/api/users/2e7e25e8-5445-40bd-8f89-dc19bba64faa'],
    ['DELETE', '/api/users/2e7e25e8-5445-40bd-8f89-dc19bba64faa'],
    ['GET', '/api/tenants'],
    ['POST', '/api/tenants'],
    ['PATCH', '/api/tenants/f330c503-5e9c-46a7-8393-2995aeb03675'],
    ['DELETE', '/api/tenants/f330c503-5e9c-46a7-8393-2995aeb03675'],
  ])('is asked for before anything else: %s %s', async (method, path) => {
    expect((await askApp(path, { method }, bindings)).status).toBe(401)
  })
})

describe('input', () => {
  const user = { tenantId: 'f330c503-5e9c-46a7-8393-2995aeb03675', email: 'new@neon.example', name: 'New' }

  it.each<[string, unknown, string]>([
    ['no tenant', { ...user, tenantId: undefined }, '#/tenantId'],
    ['a tenant that is no uuid', { ...user, tenantId: 'neon' }, '#/tenantId'],
    ['an address without @', { ...user, email: 'new' }, '#/email'],
    ['an address that is too long', { ...user, email: `${'a'.repeat(250)}@b.example` }, '#/email'],
    ['an empty name', { ...user, name: '  ' }, '#/name'],
    ['a name that is too long', { ...user, name: 'x'.repeat(201) }, '#/name'],
    ['a name with U+0000', { ...user, name: 'a\0b' }, '#/name'],
    ['a name that is a number', { ...user, name: 7 }, '#/name'],
    ['a role that is not known', { ...user, role: 'owner' }, '#/role'],
    ['a member that is not known', { ...user, id: personas[0].id }, '#'],
    ['a list', [user], '#'],
  ])('refuses a user with %s, and says where', async (_title, body, pointer) => {
    const response = await send('POST', '/api/users', JSON.stringify(body))
    const problem = (await response.json()) as { code: string; errors: { pointer: string }[] }
    expect([response.status, problem.code]).toEqual([422, 'input_invalid'])
    expect(problem.errors.map((error) => error.pointer)).toEqual([pointer])
  })

  it.each(['tenantId', 'email', 'role', 'id'])('does not let a change name %s', async (member) => {
    const body = JSON.stringify({ name: 'New', [member]: 'member' })
    const response = await send('PATCH', `/api/users/${personas[0].id}`, body)
    expect([response.status, await response.json()]).toMatchObject([422, { code: 'input_invalid' }])
  })

  it('refuses a body that is not JSON, or not said to be', async () => {
    const broken = await send('POST', '/api/users', '{"name": ')
    expect([broken.status, await broken.json()]).toMatchObject([400, { code: 'request_invalid' }])
    const text = await send('POST', '/api/users', JSON.stringify(user), { 'Content-Type': 'text/plain' })
    expect([text.status, await text.json()]).toMatchObject([415, { code: 'content_type_unknown' }])
  })

  it('takes a body at the limit and refuses one byte more, also without Content-Length', async () => {
    const body = (bytes: number) => `{"name":"${'x'.repeat(bytes - 11)}"}`
    const stream = (text: string) =>
      askApp(
        '/api/users',
        { method: 'POST', body: new Blob([text]).stream(), headers: bearer, duplex: 'half' } as RequestInit,
        bindings,
      )
    expect((await send('POST', '/api/users', body(maxBodyBytes))).status).toBe(422)
    expect((await send('POST', '/api/users', body(maxBodyBytes + 1))).status).toBe(413)
    expect((await stream(body(maxBodyBytes))).status).toBe(415)
    expect((await stream(body(maxBodyBytes + 1))).status).toBe(413)
  })

  it.each(['limit=0', 'limit=101', 'limit=1.5', 'limit=many', 'after=1'])('refuses a page with %s', async (query) => {
    expect((await get(`/api/users?${query}`, bearer)).status).toBe(422)
  })

  it('SEC-59 takes an id that is no uuid for a row that is not there', async () => {
    expect((await get('/api/users/1', bearer)).status).toBe(404)
  })
})

describe('every answer', () => {
  it.each(['/', '/.well-known/jwks.json', '/api/token', '/api/users', '/nothing'])(
    'has the security headers and a request id, and no CORS: %s',
    async (path) => {
      const { headers } = await get(path, { Origin: 'https://elsewhere.example' })
      expect(headers.get('X-Content-Type-Options')).toBe('nosniff')
      expect(headers.get('Content-Security-Policy')).toContain("frame-ancestors 'none'")
      expect(headers.get('Referrer-Policy')).toBe('no-referrer')
      expect(headers.get('X-Request-Id')).toMatch(/^[0-9a-f-]{36}$/)
      expect([...headers.keys()].filter((name) => name.startsWith('access-control'))).toEqual([])
    },
  )

  it('is a problem where there is no path', async () => {
    const response = await get('/nothing', { 'X-Request-Id': 'mine-1' })
    expect(response.headers.get('Content-Type')).toBe('application/problem+json')
    expect(await response.json()).toEqual({
      type: 'urn:rowpass:problem:path_unknown',
      title: 'There is nothing at this path for this method',
      status: 404,
      code: 'path_unknown',
      request_id: 'mine-1',
    })
  })

  it('is 502 where the gateway does not answer', async () => {
    const logged = vi.spyOn(console, 'error').mockImplementation(() => {})
    const response = await get('/api/users', bearer)
    expect([response.status, await response.json()]).toMatchObject([502, { code: 'gateway_unreachable' }])
    expect(logged).toHaveBeenCalledOnce()
    expect(String(logged.mock.calls[0])).not.toContain('a.b.c')
    logged.mockRestore()
  })

  it('SEC-25 tells the operator what is wrong with the settings, and the client nothing', async () => {
    const logged = vi.spyOn(console, 'error').mockImplementation(() => {})
    const response = await askApp('/api/users', {}, { DATABASE_URL: 'postgresql://me:canary@host/db', DEMO: 'no' })
    expect(response.status).toBe(500)
    const text = await response.text()
    expect(JSON.parse(text)).toEqual({
      type: 'urn:rowpass:problem:internal',
      title: 'Something failed inside Rowpass',
      status: 500,
      code: 'internal',
      request_id: response.headers.get('X-Request-Id'),
    })
    const line = String(logged.mock.calls[0])
    expect(line).toContain('DATABASE_URL must not hold a password')
    expect(line).toContain(response.headers.get('X-Request-Id'))
    expect(line + text).not.toContain('canary')
    logged.mockRestore()
  })
})

/** A port on which nobody listens. */
async function closedPort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  return typeof address === 'object' && address !== null ? address.port : 0
}
