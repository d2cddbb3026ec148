import { once } from 'node:events'
import { request as httpRequest, type IncomingMessage } from 'node:http'
import { neon, neonConfig, Pool } from '@neondatabase/serverless'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import WebSocket from 'ws'
import { createEventLog } from '../../src/gateway/log.ts'
import { type SqlAnswer, startTestGateway, type TestGateway, waitUntil } from '../support/gateway.ts'
import { createTestDatabase, describePg, type TestDatabase } from '../support/pg.ts'
import { connect, message, startup } from './raw-client.ts'

describePg('SQL over HTTP with a password', () => {
  let database: TestDatabase
  let gateway: TestGateway
  let admin: pg.Client

  beforeAll(async () => {
    database = await createTestDatabase({ contents: 'platform' })
    gateway = await startTestGateway(database, {
      ROWPASS_PASSWORD_MODE: 'true',
      ROWPASS_PASSWORD_SESSIONS: '3',
      ROWPASS_QUEUE_TIMEOUT_MS: '2000',
      ROWPASS_DATABASE_ALIASES: 'app',
    })
    admin = new pg.Client(database.superuserUrl)
    await admin.connect()
  })
  afterAll(async () => {
    await admin.end()
    await gateway.close()
    await database.close()
  })

  /** The owner's connection string with members of it replaced. */
  function as(members: Partial<Pick<URL, 'username' | 'password' | 'pathname' | 'search'>> = {}): string {
    return Object.assign(new URL(database.ownerUrl), { hostname: 'db.example.test', port: '' }, members).href
  }

  function run(query: string, connectionString = as(), params: unknown[] = []): Promise<SqlAnswer> {
    return gateway.send(JSON.stringify({ query, params }), { 'neon-connection-string': connectionString })
  }

  async function waitingIn(event: string): Promise<boolean> {
    const { rowCount } = await admin.query(
      'select from pg_stat_activity where datname = $1 and usename = $2 and wait_event = $3',
      [database.name, 'rowpass_owner', event],
    )
    return rowCount === 1
  }

  describe('who logs in', () => {
    it('the session is the user’s own, and any statement is allowed', async () => {
      const { body } = await run('select session_user as session, current_user as current')
      expect(body.rows).toEqual([{ session: 'rowpass_owner', current: 'rowpass_owner' }])
      expect((await run('create table public.made (n int primary key)')).body.command).toBe('CREATE')
      expect((await run('do $$ begin perform 1; end $$')).body.command).toBe('DO')
      expect((await run('insert into public.made values ($1), ($2)', as(), [1, 2])).body.rowCount).toBe(2)
      expect((await run('drop table public.made')).body.command).toBe('DROP')
    })

    it.each<[string, () => string, string, string, RegExp]>([
      ['an unknown user', () => as({ username: 'nobody' }), '28P01', 'password_refused', /failed for user 'nobody'$/],
      [
        'a wrong password',
        () => as({ password: 'x' }),
        '28P01',
        'password_refused',
        /failed for user 'rowpass_owner'$/,
      ],
      ['no password', () => as({ password: '' }), '28000', 'token_missing', /required bearer token, or password/],
      ['an unknown database', () => as({ pathname: '/other' }), '3D000', 'database_unknown', /does not serve$/],
    ])('refuses %s', async (_title, connectionString, code, failure, text) => {
      const { status, body } = await run('select 1', connectionString())
      expect(status).toBe(400)
      expect(body).toMatchObject({ code, message: expect.stringMatching(text), hint: expect.stringContaining(failure) })
    })

    it('with a list of users, another one is answered as for a wrong password', async () => {
      const strict = await startTestGateway(database, {
        ROWPASS_PASSWORD_MODE: 'true',
        ROWPASS_PASSWORD_USERS: 'rowpass_issuer, somebody',
      })
      try {
        const ask = (url: string) =>
          strict.send(JSON.stringify({ query: 'select session_user as me', params: [] }), {
            'neon-connection-string': url,
          })
        expect((await ask(database.issuerUrl)).body.rows).toEqual([{ me: 'rowpass_issuer' }])
        const [refused, wrong] = await Promise.all([ask(as()), run('select 1', as({ password: 'x' }))])
        expect({ status: refused.status, body: refused.body }).toEqual({ status: wrong.status, body: wrong.body })
        const overWebSocket = await connect(strict.url)
        overWebSocket.send(startup({ user: 'rowpass_owner', database: database.name }))
        overWebSocket.send(message('p', new URL(database.ownerUrl).password))
        expect(await overWebSocket.error()).toMatchObject({
          C: '28P01',
          H: expect.stringMatching(/^password_refused: /),
        })
      } finally {
        await strict.close()
      }
    })

    it('an alias names the same database', async () => {
      const { body } = await run('select current_database() as name', as({ pathname: '/app' }))
      expect(body.rows).toEqual([{ name: database.name }])
    })

    it('application_name is forwarded; other options of the URL have no effect', async () => {
      const { body } = await run(
        `select current_setting('application_name') as name, current_setting('work_mem') as memory`,
        as({ search: '?application_name=my%20app&options=-c%20work_mem%3D5MB&sslmode=require' }),
      )
      expect(body.rows).toEqual([{ name: 'my app', memory: '4MB' }])
    })

    it.each<[string, () => string]>([
      ['another user behind application_name', () => as({ search: '?application_name=a%00user%00postgres' })],
      ['another database', () => as({ search: '?application_name=a%00database%00postgres' })],
      ['options', () => as({ search: '?application_name=a%00options%00-c%20work_mem=5MB' })],
      ['replication', () => as({ username: 'rowpass_owner%00replication%00true' })],
      ['another user behind the user', () => as({ username: 'rowpass_issuer%00user%00rowpass_owner' })],
      ['the end of a password', () => as({ password: 'a%00b' })],
      ['the end of a database', () => as({ pathname: '/app%00' })],
    ])('SEC-64 a NUL in the connection string does not bring in %s', async (_title, connectionString) => {
      const { status, body } = await run('select session_user', connectionString())
      expect(status).toBe(400)
      expect(body).toMatchObject({ code: '08P01', hint: expect.stringMatching(/^connection_string_invalid: /) })
    })

    it('what the server says against the session is passed on', async () => {
      await admin.query(`create role full_${database.name.slice(-10)} login password 'x' connection limit 0`)
      const user = `full_${database.name.slice(-10)}`
      const { status, body } = await run('select 1', as({ username: user, password: 'x' }))
      await admin.query(`drop role ${user}`)
      expect(status).toBe(400)
      expect(body).toMatchObject({ code: '53300', message: `too many connections for role "${user}"` })
    })

    it('a request with a token is the token’s, and the password beside it is not looked at', async () => {
      const token = await gateway.issuer.token('ada')
      const { body } = await gateway.sql(token, 'select current_user as it', [], {
        'neon-connection-string': as({ password: 'wrong' }),
      })
      expect(body.rows).toEqual([{ it: 'authenticated' }])
      const refused = await gateway.sql('no.such.token', 'select 1', [], { 'neon-connection-string': as() })
      expect(refused.body).toMatchObject({ code: '28000', hint: expect.stringContaining('token_invalid') })
    })

    it('no setting, temporary table or lock of one request is there in the next', async () => {
      await admin.query(`grant temporary on database ${database.name} to rowpass_owner`)
      await run(`set work_mem = '9MB'`)
      await run('create temporary table mine (n int)')
      await run('select pg_advisory_lock(4712)')
      await run('begin')
      await run('create table public.kept (n int)')
      const { body } = await run(`select current_setting('work_mem') as memory, to_regclass('mine') as mine,
        to_regclass('public.kept') as kept`)
      expect(body.rows).toEqual([{ memory: '4MB', mine: null, kept: 'kept' }])
      await waitUntil(async () => (await run('select pg_try_advisory_lock(4712) as it')).body.rows[0].it === 't')
    })
  })

  describe('batches and errors', () => {
    function batch(queries: string[], headers: Record<string, string> = {}): Promise<SqlAnswer> {
      return gateway.send(JSON.stringify({ queries: queries.map((query) => ({ query })) }), {
        'neon-connection-string': as(),
        ...headers,
      })
    }

    it('a batch is one transaction with the options asked for', async () => {
      const { headers, body } = await batch([`select current_setting('transaction_isolation') as it`], {
        'neon-batch-isolation-level': 'Serializable',
        'neon-batch-read-only': 'true',
      })
      expect(body.results[0].rows).toEqual([{ it: 'serializable' }])
      expect(headers.get('neon-batch-isolation-level')).toBe('Serializable')
      expect((await batch(['create table public.gone (n int)', 'select 1/0'])).body.code).toBe('22012')
      expect((await run(`select to_regclass('public.gone') as it`)).body.rows).toEqual([{ it: null }])
    })

    it('an error has every field that the server sends, as node-postgres has them', async () => {
      const sql = `select 1 from no_such_table where "é" = 'a'`
      const client = new pg.Client(database.ownerUrl)
      await client.connect()
      const direct = await client.query(sql).catch((error: unknown) => error as pg.DatabaseError)
      await client.end()
      const { status, body } = await run(sql)
      expect(status).toBe(400)
      const { message, code, severity, position, file, line, routine } = direct as pg.DatabaseError
      expect(body).toMatchObject({ message, code, severity, position, file, line, routine, detail: null, hint: null })
    })

    it.each(['copy pg_class to stdout', 'copy pg_class from stdin'])('%s is not possible', async (sql) => {
      const { status, body } = await run(sql)
      expect(status).toBe(400)
      expect(body.code).toMatch(/08P01|42501/)
      expect((await run('select 1 as one')).body.rows).toEqual([{ one: '1' }])
    })
  })

  describe('limits', () => {
    it('sessions over HTTP and over WebSocket have one limit', async () => {
      const clients = []
      for (let index = 0; index < 3; index++) {
        const client = await connect(gateway.url)
        client.send(startup({ user: 'rowpass_owner', database: 'app' }), message('p', new URL(as()).password))
        await client.until('Z')
        clients.push(client)
      }
      const { body } = await run('select 1')
      expect(body).toMatchObject({ code: '53300', hint: expect.stringMatching(/^overloaded: /) })
      for (const { socket } of clients) socket.terminate()
      await waitUntil(async () => (await run('select 1')).status === 200)
    })

    it('requests beyond it wait for their turn, and none is lost', async () => {
      const answers = await Promise.all(Array.from({ length: 60 }, (_, n) => run('select $1::int as n', as(), [n])))
      expect(answers.map(({ body }) => body.rows)).toEqual(answers.map((_, n) => [{ n: String(n) }]))
    })

    it('the body is not read for a user who is not known', async () => {
      const request = httpRequest(gateway.url, {
        method: 'POST',
        headers: { 'neon-connection-string': as({ password: 'x' }), 'content-length': '1000000' },
      })
      request.on('error', () => {})
      request.write('{"query":"')
      const [response] = (await once(request, 'response')) as [IncomingMessage]
      expect(response.statusCode).toBe(400)
      request.destroy()
    })

    it('a client that goes cancels its statement', async () => {
      await run('create table public.late (n int)')
      const controller = new AbortController()
      const sql = 'insert into public.late select 1 from pg_sleep(1)'
      const answer = fetch(gateway.url, {
        method: 'POST',
        body: JSON.stringify({ query: sql }),
        headers: { 'neon-connection-string': as() },
        signal: controller.signal,
      })
      await waitUntil(() => waitingIn('PgSleep'))
      controller.abort()
      await expect(answer).rejects.toThrow('aborted')
      await waitUntil(async () => !(await waitingIn('PgSleep')), 900)
      expect((await run('select count(*) as n from public.late')).body.rows).toEqual([{ n: '0' }])
    })

    it('a client that goes before its body is complete leaves no session', async () => {
      const request = httpRequest(gateway.url, {
        method: 'POST',
        headers: { 'neon-connection-string': as(), 'content-length': '1000' },
      })
      request.on('error', () => {})
      request.write('{"query":"')
      const sessions = async (): Promise<number> => {
        const { rows } = await admin.query(
          `select count(*)::int as n from pg_stat_activity where datname = $1 and usename = 'rowpass_owner'`,
          [database.name],
        )
        return rows[0].n
      }
      await waitUntil(async () => (await sessions()) === 1)
      request.destroy()
      await waitUntil(async () => (await sessions()) === 0)
    })
  })

  it('a client that offers HTTP/2 with its request is answered over HTTP/1.1', async () => {
    const request = httpRequest(gateway.url, {
      method: 'POST',
      headers: {
        connection: 'Upgrade, HTTP2-Settings',
        upgrade: 'h2c',
        'http2-settings': 'AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA',
        'neon-connection-string': as(),
        'neon-raw-text-output': 'true',
      },
    })
    request.end('{"query":"select 2 as two"}')
    const [response] = (await once(request, 'response')) as [IncomingMessage]
    const chunks: Buffer[] = []
    for await (const chunk of response) chunks.push(chunk)
    expect(JSON.parse(Buffer.concat(chunks).toString()).rows).toEqual([{ two: '2' }])
  })

  describe('where password mode is off', () => {
    let strict: TestGateway
    beforeAll(async () => {
      strict = await startTestGateway(database)
    })
    afterAll(() => strict.close())

    it('a password is no login, right or wrong', async () => {
      for (const connectionString of [as(), as({ password: 'x' })]) {
        const answer = await strict.send('{"query":"select 1"}', { 'neon-connection-string': connectionString })
        expect(answer.status).toBe(400)
        expect(answer.body).toMatchObject({ code: '28000', hint: expect.stringMatching(/^token_missing: /) })
      }
    })

    it('the driver’s Pool learns what is wrong', async () => {
      neonConfig.webSocketConstructor = WebSocket
      neonConfig.useSecureWebSocket = false
      neonConfig.wsProxy = () => `${new URL(strict.url).host}/v2`
      const pool = new Pool({ connectionString: as() })
      pool.on('error', () => {})
      await expect(pool.query('select 1')).rejects.toMatchObject({
        code: '28000',
        message: 'This gateway takes tokens only, over HTTP',
        hint: expect.stringMatching(/^password_mode_off: /),
      })
      await pool.end()
    })
  })

  it('no password is ever in an answer, an event or the log', async () => {
    const canary = 'canary-KwJ5'
    const user = `canary_${database.name.slice(-10)}`
    await admin.query(`create role ${user} login password '${canary}'`)
    const seen: string[] = []
    neonConfig.fetchEndpoint = gateway.url
    neonConfig.webSocketConstructor = WebSocket
    neonConfig.useSecureWebSocket = false
    neonConfig.wsProxy = () => `${new URL(gateway.url).host}/v2`
    const readable = [
      as({ username: user, password: canary }),
      as({ username: user, password: `${canary}x` }),
      as({ username: 'nobody', password: canary }),
      as({ username: user, password: canary, pathname: '/other' }),
    ]
    const unreadable = [as({ username: user, password: `${canary}%` }), `postgres//${user}:${canary}@host/db`]
    for (const connectionString of [...readable, ...unreadable]) {
      const answer = await run('select 1 / 0', connectionString)
      expect(answer.status).toBe(400)
      seen.push(JSON.stringify(answer.body))
    }
    for (const connectionString of readable) {
      const pool = new Pool({ connectionString })
      pool.on('error', () => {})
      const error = await pool.query('select 1 / 0').catch((error: unknown) => error)
      seen.push(JSON.stringify(error), String(error))
      await pool.end()
    }
    await neon(as({ username: user, password: canary }))`select no_such`.catch((error: unknown) =>
      seen.push(JSON.stringify(error), String(error)),
    )
    await admin.query(`drop role ${user}`)
    const log = createEventLog({ write: (line: string) => void seen.push(line) })
    for (const event of gateway.events) log(event)
    expect(seen.length).toBeGreaterThan(20)
    expect(seen.join('\n')).not.toContain(canary)
  })
})
