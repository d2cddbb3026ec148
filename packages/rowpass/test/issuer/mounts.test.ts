/** The examples of docs/issuer-in-your-app.md that are functions from Request to Response; Express is in its walk-through. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { withConnection } from '../../src/database/connect.ts'
import { hashPassword } from '../../src/exports/issuer.ts'
import { prepareAccounts } from '../support/accounts-example.ts'
import { createTestDatabase, describePg, type TestDatabase } from '../support/pg.ts'

const password = 'correct horse battery staple'

describePg('an issuer over PostgreSQL', () => {
  let database: TestDatabase
  type Handler = (request: Request) => Promise<Response>
  const handlers: Record<string, Handler> = {}

  beforeAll(async () => {
    database = await createTestDatabase({ contents: 'platform' })
    Object.assign(process.env, await prepareAccounts(database))
    const hash = await hashPassword(password)
    await withConnection(database.superuserUrl, (client) =>
      client.query(
        `with ada as (insert into users (email, name) values ('ada@example.com', 'Ada') returning id, email)
         select issuer.set_password(id, email, $1, null, null) from ada`,
        [hash],
      ),
    )
    const { app } = await import('../../../../examples/library/accounts/hono.ts')
    const route = await import('../../../../examples/library/accounts/next/app/auth/[...path]/route.ts')
    handlers.Hono = async (request) => app.fetch(request)
    handlers.Next = (request) => (request.method === 'GET' ? route.GET : route.POST)(request)
  })
  afterAll(() => database.close())

  it.each(['Hono', 'Next'])('signs somebody in and refreshes in %s', async (name) => {
    const post = async (form: Record<string, string>) => {
      const body = new URLSearchParams({ client_id: 'web', ...form })
      return (await handlers[name]!(new Request('https://app.example/auth/token', { method: 'POST', body }))).json()
    }
    const first = await post({ grant_type: 'password', username: 'ada@example.com', password })
    expect(first).toMatchObject({ token_type: 'Bearer', expires_in: 900 })
    expect(await post({ grant_type: 'refresh_token', refresh_token: first.refresh_token })).toHaveProperty(
      'access_token',
    )
    expect(await post({ grant_type: 'refresh_token', refresh_token: 'another' })).toMatchObject({
      error: 'invalid_grant',
    })
  })

  it.each(['Hono', 'Next'])('publishes the keys in %s, and nothing at another path', async (name) => {
    const get = (path: string) => handlers[name]!(new Request(`https://app.example/auth${path}`))
    const answer = await get('/.well-known/jwks.json')
    expect(answer.headers.get('Cache-Control')).toBe('public, max-age=300')
    expect((await answer.json()).keys).toHaveLength(1)
    expect((await get('/other')).status).toBe(404)
  })
})
