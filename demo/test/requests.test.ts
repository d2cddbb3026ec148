import { randomUUID } from 'node:crypto'
import pg from 'pg'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { describePg } from '../../packages/rowpass/test/support/pg.ts'
import { personas } from '../src/personas.ts'
import { type Stack, startStack, type Way, ways } from './stack.ts'

const [david] = personas
const byEmail = (email: string) => personas.find((persona) => persona.email === email)!
const amara = byEmail('amara@neon.example')
const priya = byEmail('priya@other.example')
const employee = byEmail('employee@other.example')
const founder = { id: randomUUID(), tenantId: randomUUID(), role: 'admin' } as const

interface Answer {
  status: number
  // biome-ignore lint/suspicious/noExplicitAny: what the body is, each test says
  body: any
  headers: Headers
}

let stack: Stack

const ask = async (
  who: Parameters<Stack['sign']>[0],
  method: string,
  path: string,
  body?: unknown,
): Promise<Answer> => {
  return askWith(await stack.sign(who), method, path, body)
}

const askWith = async (token: string, method: string, path: string, body?: unknown): Promise<Answer> => {
  const headers = { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' }
  const init = body === undefined ? { method, headers } : { method, headers, body: JSON.stringify(body) }
  const response = await stack.request(path, init)
  const text = await response.text()
  return { status: response.status, body: text === '' ? undefined : JSON.parse(text), headers: response.headers }
}

const asOwner = async (sql: string) => {
  const owner = new pg.Client(stack.database.ownerUrl)
  await owner.connect()
  await owner.query(sql)
  await owner.end()
}

const titles: Record<Way, string> = {
  gateway: 'through the gateway',
  sealed: 'sealed by itself, over the endpoint for passwords',
  authorize: 'by the token alone, where pg_session_jwt is',
}

for (const way of ways)
  describePg(`the API, ${titles[way]}`, () => {
    beforeAll(async () => {
      stack = await startStack({ ROWPASS_STATEMENT_TIMEOUT_MS: '500' }, way)
      // What the gateway does for its own requests, the login does where there is none.
      if (way !== 'gateway') {
        await asOwner(`alter role rowpass_gateway in database ${stack.database.name} set statement_timeout = '500ms'`)
      }
    })

    afterAll(() => stack.close())

    it('lists to a member their own row, and nothing of it is cached', async () => {
      const { status, body, headers } = await ask(david, 'GET', '/api/users')
      expect(status).toBe(200)
      expect(headers.get('Cache-Control')).toBe('no-store')
      expect(body).toEqual({
        users: [
          {
            id: david.id,
            tenantId: david.tenantId,
            email: 'david@neon.example',
            name: 'David',
            role: 'member',
            createdAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
          },
        ],
      })
    })

    it('lists to an admin the people of the tenant, and to each their own tenant', async () => {
      const { body } = await ask(amara, 'GET', '/api/users')
      expect(body.users.map((user: { tenantId: string }) => user.tenantId)).toEqual(Array(4).fill(david.tenantId))
      expect((await ask(david, 'GET', '/api/tenants')).body).toEqual({
        tenants: [{ id: david.tenantId, name: 'Neon', createdAt: expect.any(String) }],
      })
      expect((await ask(employee, 'GET', '/api/tenants')).body.tenants[0].name).toBe('Other Company')
    })

    it('gives all rows once, page by page', async () => {
      const seen: string[] = []
      let path: string | undefined = '/api/users?limit=2'
      while (path !== undefined) {
        const { body }: Answer = await ask(amara, 'GET', path)
        seen.push(...body.users.map((user: { id: string }) => user.id))
        path = body.next && `/api/users?limit=2&after=${body.next}`
      }
      const neon = personas.filter(({ tenantId }) => tenantId === david.tenantId)
      expect(seen).toEqual(neon.map(({ id }) => id).sort())
      expect((await ask(amara, 'GET', '/api/users?limit=4')).body.next).toBeUndefined()
    })

    it('lets a member read and rename themselves', async () => {
      const renamed = await ask(david, 'PATCH', `/api/users/${david.id}`, { name: ' Dave ' })
      expect([renamed.status, renamed.body.name]).toEqual([200, 'Dave'])
      expect((await ask(david, 'GET', `/api/users/${david.id.toUpperCase()}`)).body).toEqual(renamed.body)
      await ask(david, 'PATCH', `/api/users/${david.id}`, { name: 'David' })
    })

    it('lets an admin create, rename and delete a user', async () => {
      const created = await ask(amara, 'POST', '/api/users', {
        tenantId: amara.tenantId,
        email: ' New.Person@neon.example ',
        name: 'New Person',
      })
      expect(created).toMatchObject({ status: 201, body: { email: 'new.person@neon.example', role: 'member' } })
      const path = created.headers.get('Location')!
      expect(path).toBe(`/api/users/${created.body.id}`)
      expect((await ask(amara, 'GET', path)).body).toEqual(created.body)
      expect((await ask(amara, 'PATCH', path, { name: 'Old Person' })).body.name).toBe('Old Person')
      expect(await ask(amara, 'DELETE', path)).toMatchObject({ status: 204, body: undefined })
      expect((await ask(amara, 'DELETE', path)).status).toBe(404)
    })

    it('lets an admin found the tenant of their token, people it, and take it away in that order', async () => {
      const tenant = { id: founder.tenantId, name: 'Founded' }
      const user = { tenantId: founder.tenantId, email: 'first@founded.example', name: 'First', role: 'admin' }
      expect(await ask(founder, 'POST', '/api/users', user)).toMatchObject({ status: 409, body: { code: 'conflict' } })
      expect(await ask(founder, 'POST', '/api/tenants', tenant)).toMatchObject({ status: 201, body: tenant })
      expect(await ask(founder, 'POST', '/api/tenants', tenant)).toMatchObject({
        status: 409,
        body: { code: 'conflict' },
      })
      const created = await ask(founder, 'POST', '/api/users', user)
      expect(created.status).toBe(201)
      const path = `/api/tenants/${founder.tenantId}`
      expect((await ask(founder, 'PATCH', path, { name: 'Renamed' })).body.name).toBe('Renamed')
      const early = await ask(founder, 'DELETE', path)
      expect(early).toMatchObject({ status: 409, body: { detail: expect.stringContaining('goes after them') } })
      expect((await ask(founder, 'DELETE', `/api/users/${created.body.id}`)).status).toBe(204)
      expect((await ask(founder, 'DELETE', path)).status).toBe(204)
      expect((await ask(founder, 'GET', path)).status).toBe(404)
    })

    it('tells a policy from a grant', async () => {
      const user = { tenantId: priya.tenantId, email: 'mole@other.example', name: 'Mole' }
      for (const who of [david, amara]) {
        const refused = await ask(who, 'POST', '/api/users', user)
        expect(refused).toMatchObject({ status: 403, body: { code: 'policy_refused' } })
      }
      await asOwner('revoke delete on users from authenticated')
      const refused = await ask(amara, 'DELETE', `/api/users/${david.id}`)
      expect(refused).toMatchObject({ status: 403, body: { code: 'grant_missing' } })
      await asOwner('grant delete on users to authenticated')
    })

    it.each(['GET', 'PATCH', 'DELETE'])(
      'SEC-59 answers %s of a hidden row as of a row that is not there',
      async (method) => {
        const body = method === 'PATCH' ? { name: 'Mine' } : undefined
        const [hidden, missing] = await Promise.all(
          [david.id, randomUUID()].map((id) => ask(priya, method, `/api/users/${id}`, body)),
        )
        expect(hidden?.status).toBe(404)
        const comparable = (answer?: Answer) => ({ ...answer?.body, request_id: '' })
        expect(comparable(hidden)).toEqual(comparable(missing))
      },
    )

    it('SEC-56 SEC-66 says that an address is taken to an admin of the tenant alone, and quotes no value', async () => {
      const taken = { email: 'david@neon.example', name: 'Second' }
      const own = await ask(amara, 'POST', '/api/users', { ...taken, tenantId: amara.tenantId })
      expect(own).toMatchObject({ status: 409, body: { code: 'conflict' } })
      expect(JSON.stringify(own.body)).not.toContain('david')
      const member = await ask(david, 'POST', '/api/users', { ...taken, tenantId: david.tenantId })
      expect(member.body.code).toBe('policy_refused')
      const elsewhere = await ask(priya, 'POST', '/api/users', { ...taken, tenantId: priya.tenantId })
      expect(elsewhere.status).toBe(201)
      await ask(priya, 'DELETE', `/api/users/${elsewhere.body.id}`)
    })

    it('shows nobody anything without claims', async () => {
      expect((await ask({ sub: david.id }, 'GET', '/api/users')).body).toEqual({ users: [] })
      expect((await ask({ sub: 'not-a-uuid' }, 'GET', '/api/tenants')).body).toEqual({ tenants: [] })
    })

    it('refuses a token whose payload was edited, and one that has expired', async () => {
      const [header, payload, signature] = (await stack.sign(david)).split('.') as [string, string, string]
      const claims = JSON.parse(Buffer.from(payload, 'base64url').toString())
      const edited = Buffer.from(JSON.stringify({ ...claims, tenant_id: priya.tenantId })).toString('base64url')
      const forged = await askWith([header, edited, signature].join('.'), 'GET', '/api/users')
      expect(forged).toMatchObject({ status: 401, body: { code: 'token_invalid' } })
      expect(forged.headers.get('WWW-Authenticate')).toMatch(/^Bearer realm="rowpass", error="invalid_token"/)
      const old = await askWith(await stack.sign(david, { now: Date.now() - 3_600_000 }), 'GET', '/api/users')
      expect(old).toMatchObject({ status: 401, body: { code: 'token_expired' } })
      expect(old.headers.get('WWW-Authenticate')).toContain('error_description="The token has expired"')
    })

    it('answers 503 when a statement waits too long', async () => {
      const logged = vi.spyOn(console, 'error').mockImplementation(() => {})
      const owner = new pg.Client(stack.database.ownerUrl)
      await owner.connect()
      await owner.query('begin; lock table users')
      expect(await ask(david, 'GET', '/api/users')).toMatchObject({ status: 503, body: { code: 'timeout' } })
      await owner.end()
      expect((await ask(david, 'GET', '/api/users')).status).toBe(200)
      logged.mockRestore()
    })

    it('answers 500 without a word when the schema is not what it expects, and logs the SQLSTATE', async () => {
      const logged = vi.spyOn(console, 'error').mockImplementation(() => {})
      await asOwner('alter table users rename column name to nickname')
      const { status, body } = await ask(david, 'GET', '/api/users')
      await asOwner('alter table users rename column nickname to name')
      expect([status, body.code, body.detail]).toEqual([500, 'internal', undefined])
      const line = JSON.parse(String(logged.mock.calls[0]))
      expect(line).toEqual({ type: 'request_failed', requestId: body.request_id, code: 'internal', sqlstate: '42703' })
      logged.mockRestore()
    })

    if (way !== 'authorize') {
      it('SEC-36 answers 401 with a challenge once the session was ended', async () => {
        const sid = randomUUID()
        const token = await stack.sign(david, { sid })
        expect((await askWith(token, 'GET', '/api/users')).status).toBe(200)
        await asOwner(`select rowpass.end_session('${sid}')`)
        const { status, body, headers } = await askWith(token, 'GET', '/api/users')
        expect({ status, code: body.code }).toEqual({ status: 401, code: 'session_revoked' })
        expect(headers.get('WWW-Authenticate')).toBe(
          'Bearer realm="rowpass", error="invalid_token", error_description="The session has been ended"',
        )
      })
    }

    if (way === 'sealed') {
      it('SEC-82 refuses a narrowed token, which nothing would hold to its scopes', async () => {
        const narrowed = await stack.sign(david, { scope: 'sql:read' })
        expect(await askWith(narrowed, 'GET', '/api/users')).toMatchObject({
          status: 403,
          body: { code: 'scope_refused' },
        })
      })
    }

    if (way === 'gateway') {
      it('refuses an anonymous identity at the tables', async () => {
        const anonymous = await askWith(await stack.sign(david, { role: 'anonymous' }), 'GET', '/api/users')
        expect(anonymous).toMatchObject({ status: 403, body: { code: 'grant_missing' } })
      })
    }
  })
