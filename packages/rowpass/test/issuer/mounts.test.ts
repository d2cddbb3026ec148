/** The examples of docs/issuer-in-your-app.md that are functions from Request to Response; Express is in its walk-through. */
import { readFileSync } from 'node:fs'
import pg from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { connectTo } from '../../src/database/connect.ts'
import { hashPassword } from '../../src/exports/issuer.ts'
import { addClient } from '../../src/issuer/clients.ts'
import { generateEncryptionKey, parseEncryptionKeys } from '../../src/issuer/ring/encryption.ts'
import { createPostgresRing } from '../../src/issuer/ring/postgres.ts'
import { addNewKey } from '../../src/issuer/ring/steps.ts'
import { createTestDatabase, describePg, repository, type TestDatabase } from '../support/pg.ts'

const example = `${repository}examples/library/accounts/`
const password = 'correct horse battery staple'

describePg('an issuer over PostgreSQL', () => {
  let database: TestDatabase
  let owner: pg.Client
  type Handler = (request: Request) => Promise<Response>
  const handlers: Record<string, Handler> = {}

  beforeAll(async () => {
    database = await createTestDatabase({ contents: 'platform' })
    owner = new pg.Client(database.superuserUrl)
    await owner.connect()
    await owner.query(readFileSync(`${example}database.sql`, 'utf8'))
    await addClient(owner, { clientId: 'web', isPublic: true, grants: ['password', 'refresh'], scopes: [] })
    const { rows } = await owner.query("insert into users (email, name) values ('ada@example.com', 'Ada') returning id")
    await owner.query('select issuer.set_password($1, $2, $3, null, null)', [
      rows[0].id,
      'ada@example.com',
      await hashPassword(password),
    ])
    const secret = generateEncryptionKey('test')
    const encryptionKeys = await parseEncryptionKeys(secret)
    await addNewKey(createPostgresRing({ says: '', connect: connectTo(database.ownerUrl), encryptionKeys }), 'ES256')
    Object.assign(process.env, {
      ISSUER: 'https://app.example/auth',
      ISSUER_DATABASE_URL: database.issuerUrl,
      KEY_ENCRYPTION_KEYS: secret,
    })
    const { app } = await import('../../../../examples/library/accounts/hono.ts')
    const route = await import('../../../../examples/library/accounts/next/app/auth/[...path]/route.ts')
    handlers.Hono = async (request) => app.fetch(request)
    handlers.Next = (request) => (request.method === 'GET' ? route.GET : route.POST)(request)
  })
  afterAll(async () => {
    await owner.end()
    await database.close()
  })

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
