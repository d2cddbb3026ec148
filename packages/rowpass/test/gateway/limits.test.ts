/** What one request may say and ask for, and how large it may be. */
import { request as httpRequest } from 'node:http'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type SqlAnswer, startTestGateway } from '../support/gateway.ts'
import { describePg } from '../support/pg.ts'
import { type Scene, startScene } from './scene.ts'

describePg('limits', () => {
  let scene: Scene

  beforeAll(async () => {
    scene = await startScene({
      ROWPASS_DATABASE_ALIASES: 'neondb, main',
      ROWPASS_CORS_ORIGINS: 'https://app.example.test,http://localhost:5173',
      ROWPASS_MAX_BATCH: '5',
      ROWPASS_MAX_REQUEST_BYTES: '100000',
    })
  })
  afterAll(() => scene.close())

  describe('of the connection string', () => {
    const query = `select current_user as role, session_user as login, current_database() as database,
      inet_server_port() as port, current_setting('statement_timeout') as timeout, auth.user_id() as id`
    const ask = (connectionString: string): Promise<SqlAnswer> =>
      scene.gateway.sql(scene.ada, query, [], { 'neon-connection-string': connectionString })
    let expected: object

    beforeAll(async () => {
      expected = (await scene.gateway.sql(scene.ada, query)).body.rows
      expect(expected).toMatchObject([{ role: 'authenticated', login: 'rowpass_gateway', id: 'ada' }])
    })

    it.each([
      'postgresql://postgres@localhost/neondb',
      'postgresql://rowpass_owner:owner-of-a-throw-away-database@127.0.0.1:5432/neondb',
      'postgres://rowpass_gateway:canary-password@evil.example.test:1/main',
      'postgresql://bob@evil.example.test/neondb?sslmode=disable&options=-c%20statement_timeout%3D0',
      'postgresql://a@b/neondb?options=-c%20role%3Drowpass_owner&user=postgres&host=evil.example.test',
      'postgresql://a@b/neondb?application_name=x&statement_timeout=0&database=postgres',
      'postgresql://a@b,c/neondb',
      'postgresql://a@[::1]:6543/neondb/and/more',
    ])('SEC-64 nothing but the alias counts in %s', async (connectionString) => {
      const { status, body } = await ask(connectionString)
      expect({ status, rows: body.rows }).toEqual({ status: 200, rows: expected })
    })

    it.each([
      'postgresql://a@b/postgres',
      'postgresql://a@b/template1',
      'postgresql://a@b/NEONDB',
      'postgresql://a@b/neondb%20',
      'postgresql://a@b/',
      'postgresql://a@b//neondb',
      'postgresql://a@b/%2e%2e%2fneondb',
      'postgresql://a:canary-password@b/secret_database',
    ])('SEC-64 refuses the database in %s', async (connectionString) => {
      const { status, body } = await ask(connectionString)
      expect({ status, code: body.code }).toEqual({ status: 400, code: '3D000' })
      expect(JSON.stringify(body)).not.toMatch(/canary|secret_database/)
    })

    it('SEC-64 without a valid token nobody learns which databases there are', async () => {
      for (const database of ['neondb', 'nothing']) {
        const { body } = await scene.gateway.sql('no-token', 'select 1', [], {
          'neon-connection-string': `postgresql://a@b/${database}`,
        })
        expect(body).toMatchObject({ code: '28000', message: 'The token was refused' })
      }
    })
  })

  describe('of pages', () => {
    const call = (method: string, origin: string): Promise<Response> =>
      fetch(scene.gateway.url, {
        method,
        headers: { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'authorization' },
      })

    it.each(['OPTIONS', 'POST'])('SEC-65 an origin of the list may call with %s', async (method) => {
      for (const origin of ['https://app.example.test', 'http://localhost:5173']) {
        const { headers } = await call(method, origin)
        expect(headers.get('access-control-allow-origin')).toBe(origin)
        expect(headers.get('vary')).toBe('Origin')
        expect(headers.has('access-control-allow-credentials')).toBe(false)
      }
    })

    it.each([
      'https://evil.example.test',
      'https://app.example.test.evil.example.test',
      'https://evil-app.example.test',
      'http://app.example.test',
      'https://app.example.test:444',
      'https://APP.example.test',
      'http://localhost:5174',
      'null',
      '*',
    ])('SEC-65 the origin %s may not', async (origin) => {
      for (const method of ['OPTIONS', 'POST']) {
        expect((await call(method, origin)).headers.has('access-control-allow-origin')).toBe(false)
      }
    })
  })

  describe('of size', () => {
    it('SEC-65 a body without a declared length is cut off at the limit', async () => {
      const { status, body } = await sendChunks(['{"query":"', ...Array<string>(20).fill('x'.repeat(10_000)), '"}'])
      expect({ status, code: body.code }).toEqual({ status: 413, code: '54000' })
    })

    it('SEC-65 a batch of the allowed length runs, one more statement is refused', async () => {
      const batch = (length: number) => scene.gateway.batch(scene.ada, Array<string>(length).fill('select 1'))
      expect((await batch(5)).body.results).toHaveLength(5)
      expect((await batch(6)).body).toMatchObject({ code: '08P01', message: 'a batch has at most 5 queries' })
    })

    it('SEC-65 what the server keeps of statements is bounded, by number and by length', async () => {
      const small = await startTestGateway(scene.database, {
        ROWPASS_POOL_SIZE: '1',
        ROWPASS_PREPARED_STATEMENTS: '40',
      })
      const token = await small.issuer.token('ada')
      const kept = async () => {
        const query = `select count(*) || ' ' || coalesce(sum(length(statement)), 0) from pg_prepared_statements where name ~ '^s[0-9]'`
        const { body } = await small.sql(token, 'select run($1) as kept', [query])
        return body.rows[0].kept.split(' ').map(Number)
      }
      // What calls it has its session discarded afterwards.
      const others = async () => {
        const query = `select json_agg(statement)::text from pg_prepared_statements where statement ~ 'as other'`
        return JSON.parse((await small.sql(token, 'select run($1) as kept', [query])).body.rows[0].kept)
      }
      for (let index = 0; index < 60; index++) await small.sql(token, `select 1 as n${index}`)
      expect((await kept())[0]).toBe(40)
      // A text that differs in constants only is not kept before it comes again: these push out nothing.
      for (let index = 0; index < 60; index++) await small.sql(token, `select 1 as other, ${index}`)
      expect(await others()).toEqual(['select 1 as other, 0'])
      await small.sql(token, 'select 1 as other, 59')
      expect(await others()).toEqual(['select 1 as other, 59'])
      for (let index = 0; index < 30; index++) await small.sql(token, `select 1 as m${index}, '${'x'.repeat(16_000)}'`)
      const [number, length] = await kept()
      expect(number).toBeGreaterThan(10)
      expect(length).toBeLessThanOrEqual(256 * 1024)
      await small.sql(token, `select 'too long to keep', '${'x'.repeat(16_400)}'`)
      expect(await kept()).toEqual([0, 0])
      await small.close()
    })

    function sendChunks(chunks: readonly string[]): Promise<{ status: number | undefined; body: { code?: string } }> {
      return new Promise((resolve, reject) => {
        const headers = {
          authorization: `Bearer ${scene.ada}`,
          'neon-connection-string': scene.gateway.connectionString,
          'transfer-encoding': 'chunked',
        }
        const sent = httpRequest(scene.gateway.url, { method: 'POST', headers }, (response) => {
          const received: Buffer[] = []
          response.on('data', (chunk: Buffer) => received.push(chunk))
          response.on('end', () =>
            resolve({ status: response.statusCode, body: JSON.parse(Buffer.concat(received).toString()) }),
          )
        })
        sent.on('error', reject)
        for (const chunk of chunks) sent.write(chunk)
        sent.end()
      })
    }
  })
})
