/** What one caller may use up, what an answer may say, and what is written down of a request. */
import { request as httpRequest } from 'node:http'
import { connect as openSocket } from 'node:net'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { RowpassEvent, SqlAnswered } from '../../src/events.ts'
import { createEventLog } from '../../src/gateway/log.ts'
import { type SqlAnswer, startTestGateway, type TestGateway, waitUntil } from '../support/gateway.ts'
import { describePg } from '../support/pg.ts'
import { type Recorder, startRecorder } from '../support/recorder.ts'
import { bobsSecret, type Scene, startScene } from './scene.ts'

const tenantOfAda = 'f330c503-5e9c-46a7-8393-2995aeb03675'
const tenantOfBob = 'e3e0bc31-2df8-4410-9b5d-ff71cf509a8e'

/** Requests wait in it for as long as a session of the superuser holds the lock. */
const latch = `
  create function wait() returns text language plpgsql volatile as $$
    begin
      perform pg_advisory_xact_lock_shared(815);
      return 'waited';
    end $$;
  grant execute on function wait() to authenticated;
`

const ledger = `
  create table ledger (
    id int primary key,
    owner text not null,
    amount int not null check (amount >= 0),
    code text not null unique
  );
  alter table ledger enable row level security;
  create policy ledger_own on ledger to authenticated using (owner = auth.user_id()) with check (true);
  grant select, insert, update on ledger to authenticated;
  insert into ledger values (1, 'ada', 1, 'code of ada'), (2, 'bob', 2, '${bobsSecret}');
  create table entries (id int primary key, ledger int not null references ledger on delete cascade);
  grant select, insert on entries to authenticated;

  -- Run with the rights of the owner, from whom the policies hide nothing.
  create function withdraw(entry int) returns void language sql security definer set search_path = public, pg_temp
    as 'update ledger set amount = -1 where id = entry';
  create function take_code(entry int, of_entry int) returns void language plpgsql security definer
    set search_path = public, pg_temp as $$
    begin
      update ledger set code = (select code from ledger where id = of_entry) where id = entry;
    end $$;
  create function explain_it() returns void language plpgsql security definer set search_path = public, pg_temp as $$
    begin
      raise exception 'amount is too small' using errcode = 'check_violation', detail = 'The least is 5.', hint = 'Pay more.';
    end $$;
  create function fail_inside() returns int language plpgsql security definer set search_path = public, pg_temp as $$
    begin
      return (select 1 / (amount - amount) from ledger where code = '${bobsSecret}');
    end $$;
  grant execute on function withdraw(int), take_code(int, int), explain_it(), fail_inside() to authenticated;
`

describePg('limits', () => {
  let scene: Scene

  beforeAll(async () => {
    scene = await startScene(
      {
        ROWPASS_DATABASE_ALIASES: 'neondb, main',
        ROWPASS_CORS_ORIGINS: 'https://app.example.test,http://localhost:5173',
        ROWPASS_MAX_BATCH: '5',
        ROWPASS_MAX_REQUEST_BYTES: '100000',
      },
      latch + ledger,
    )
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
      for (let index = 0; index < 60; index++) await small.sql(token, `select ${index}`)
      expect((await kept())[0]).toBe(40)
      for (let index = 0; index < 30; index++) await small.sql(token, `select ${index}, '${'x'.repeat(16_000)}'`)
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

  describe('of one tenant', () => {
    let gateway: TestGateway
    let ada: string
    let bob: string
    let holder: pg.Client

    beforeAll(async () => {
      gateway = await startTestGateway(scene.database, {
        ROWPASS_POOL_SIZE: '3',
        ROWPASS_IDENTITY_LIMIT: '6',
        ROWPASS_LOCK_TIMEOUT_MS: '20000',
        ROWPASS_QUEUE_TIMEOUT_MS: '20000',
      })
      ada = await gateway.issuer.token('ada', { tenant_id: tenantOfAda })
      bob = await gateway.issuer.token('bob', { tenant_id: tenantOfBob })
      holder = new pg.Client(scene.database.superuserUrl)
      await holder.connect()
      await holder.query('select pg_advisory_lock(815)')
    })
    afterAll(async () => {
      await holder.end()
      await gateway.close()
    })

    it('SEC-65 a flood of one tenant is held back, and another tenant is served at once', async () => {
      expect((await gateway.sql(bob, 'select auth.user_id() as id')).body.rows).toEqual([{ id: 'bob' }])
      const answers: SqlAnswer[] = []
      const flood = Array.from({ length: 16 }, async (_, index) => {
        // Not one person: the limit is the tenant's.
        const token = index % 2 === 0 ? ada : await gateway.issuer.token('alan', { tenant_id: tenantOfAda })
        const answer = await gateway.sql(token, 'select wait() as waited')
        answers.push(answer)
      })
      await waitUntil(() => answers.length === 10)
      for (const { status, headers, body } of answers) {
        expect({ status, code: body.code }).toEqual({ status: 400, code: '53300' })
        expect(headers.get('retry-after')).toBe('1')
      }
      const { body } = await gateway.sql(bob, `select body from notes`)
      expect(body.rows).toEqual([{ body: bobsSecret }])
      expect(
        (await gateway.batch(bob, ['select 1 as one', 'select auth.user_id() as id'])).body.results[1].rows,
      ).toEqual([{ id: 'bob' }])
      const waiting = await scene.asSuperuser(
        `select from pg_locks where locktype = 'advisory' and objid = 815 and not granted`,
      )
      expect(waiting).toHaveLength(2)
      expect(answers).toHaveLength(10)
      await holder.query('select pg_advisory_unlock(815)')
      await Promise.all(flood)
      expect(answers.slice(10).map(({ body }) => body.rows)).toEqual(Array(6).fill([{ waited: 'waited' }]))
    })

    it('SEC-65 a request counts until its answer was read, and one after the other is never one too many', async () => {
      const single = await startTestGateway(scene.database, { ROWPASS_IDENTITY_LIMIT: '1' })
      const token = await single.issuer.token('ada')
      for (let count = 0; count < 50; count++) expect((await single.sql(token, 'select 1')).status).toBe(200)
      const { hostname, port, pathname } = new URL(single.url)
      const body = JSON.stringify({ query: `select repeat('x', 9000000)` })
      const reader = openSocket(Number(port), hostname)
      // It takes what fits into the buffers of both sides, and never reads.
      reader.pause()
      reader.write(
        `POST ${pathname} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\nContent-Length: ${body.length}\r\n` +
          `Neon-Connection-String: ${single.connectionString}\r\n\r\n${body}`,
      )
      await waitUntil(() => single.events.filter(({ type }) => type === 'sql_answered').length === 51)
      expect((await single.sql(token, 'select 1')).body).toMatchObject({ code: '53300' })
      reader.destroy()
      await waitUntil(async () => (await single.sql(token, 'select 1')).status === 200)
      await single.close()
    })

    it('SEC-65 a long text is judged without keeping the others waiting for long', async () => {
      const long = `select 1${',a.b(c)'.repeat(8_000)}`
      const order: string[] = []
      const flood = Array.from({ length: 6 }, (_, index) =>
        gateway.sql(ada, `${long}, ${index}`).then(() => void order.push('long')),
      )
      await gateway.sql(bob, 'select 1')
      order.push('bob')
      await Promise.all(flood)
      expect(order.indexOf('bob')).toBeLessThan(order.length - 1)
    })
  })

  describe('of what an error says', () => {
    const told = ({ body }: SqlAnswer) => {
      const { message, code, detail, constraint, table } = body
      return { message, code, detail, constraint, table }
    }
    const inside = ['file', 'line', 'routine', 'where', 'internalQuery', 'internalPosition']

    it.each<[title: string, sql: string, code: string]>([
      ['a unique violation on a hidden row', `insert into ledger values (3, 'ada', 3, '${bobsSecret}')`, '23505'],
      ['the same key as a hidden row', `insert into ledger values (2, 'ada', 3, 'x')`, '23505'],
      [
        'the same by upsert',
        `insert into ledger values (2, 'ada', 3, 'x') on conflict (id) do update set amount = 1`,
        '42501',
      ],
      ['a CHECK in a function of the owner', 'select withdraw(2)', '23514'],
      ['a unique violation in a function of the owner', 'select take_code(1, 2)', '23505'],
      ['an error in a function of the owner', 'select fail_inside()', '22012'],
      ['a failing expression over hidden rows', 'select 1 / (amount - 2) from ledger', ''],
    ])('SEC-66 %s shows nothing of the row', async (_title, sql, code) => {
      const { body } = await scene.gateway.sql(scene.ada, sql)
      expect(body.code ?? '').toBe(code)
      expect(JSON.stringify(body).replace(sql, '')).not.toContain(bobsSecret)
      expect(body.detail ?? null).toBeNull()
      for (const name of inside) expect(body[name] ?? null).toBeNull()
    })

    it('SEC-66 without the filter, the function of the owner would have shown the row', async () => {
      await expect(scene.asOwner('select withdraw(2)')).rejects.toMatchObject({
        detail: `Failing row contains (2, bob, -1, ${bobsSecret}).`,
      })
    })

    it('SEC-66 DETAIL is there where the caller may see the row, and where the owner wrote it', async () => {
      expect(told(await scene.gateway.sql(scene.ada, 'insert into entries values (1, 77)'))).toMatchObject({
        code: '23503',
        constraint: 'entries_ledger_fkey',
      })
      await scene.gateway.sql(scene.ada, 'insert into entries values (5, 1)')
      expect(told(await scene.gateway.sql(scene.ada, 'insert into entries values (5, 1)'))).toMatchObject({
        code: '23505',
        detail: 'Key (id)=(5) already exists.',
      })
      expect(told(await scene.gateway.sql(scene.ada, 'select explain_it()'))).toMatchObject({
        code: '23514',
        message: 'amount is too small',
        detail: 'The least is 5.',
      })
    })
  })

  describe('of what is written down', () => {
    const canaries = {
      literal: 'canary-literal',
      parameter: 'canary-parameter',
      password: 'canary-password',
      claim: 'canary-claim',
      identifier: 'canary-identifier',
      header: 'canary-header',
    }
    let gateway: TestGateway
    let recorder: Recorder
    let token: string
    let logged: string
    const bodies: string[] = []
    const audits: SqlAnswered[] = []

    beforeAll(async () => {
      recorder = await startRecorder(scene.database.gatewayUrl)
      gateway = await startTestGateway(scene.database, { ROWPASS_DATABASE_URL: recorder.url })
      token = await gateway.issuer.token('ada', { tenant_id: tenantOfAda, note: canaries.claim })
      const connectionString = gateway.connectionString.replace('@', `:${canaries.password}@`)
      const headers = { 'neon-connection-string': connectionString, traceparent: canaries.header }
      const { literal, parameter, identifier } = canaries
      const send = async (sql: string, params: unknown[] = []): Promise<void> => {
        const answer = await gateway.sql(token, sql, params, headers)
        bodies.push(JSON.stringify(answer.body))
        audits.push(gateway.events.findLast((event): event is SqlAnswered => event.type === 'sql_answered')!)
      }
      await send(`select '${literal}' as x, $1::text as y`, [parameter])
      await send(`select '${literal}' as x, 1 + $1::int as y`, [parameter])
      await send(`insert into notes (body) values ('${literal}' || $1)`, [parameter])
      await send(`set rowpass.claims = '${literal}'`)
      await send(`select pg_sleep(0), '${literal}'`)
      await send(`select '${literal}' from "${identifier}"`)
      await send(`selec '${literal}'`)
      await send(`select '${literal}'; select 2`)
      bodies.push(JSON.stringify((await gateway.sql(`${token}x`, `select '${literal}'`, [parameter], headers)).body))
      bodies.push(
        JSON.stringify(
          (await gateway.send(`{"query": "select '${literal}'`, { ...headers, authorization: `Bearer ${token}` })).body,
        ),
      )
      bodies.push(
        JSON.stringify(
          (await gateway.sql(token, 'select 1', [], { 'neon-connection-string': `x${connectionString}` })).body,
        ),
      )
      await gateway.close()
      logged = logOf(gateway.events)
    })
    afterAll(() => recorder.close())

    function logOf(events: readonly RowpassEvent[]): string {
      const lines: string[] = []
      const log = createEventLog({ write: (line: string) => void lines.push(line) })
      for (const event of events) log(event)
      return lines.join('')
    }

    /** Everything in the events, with what is hidden in causes. */
    const allOf = (value: unknown): string =>
      JSON.stringify(value, (_, each) =>
        each instanceof Error ? { ...each, message: each.message, stack: each.stack, cause: each.cause } : each,
      )

    it('SEC-67 no literal, parameter, claim, password or token is in an event or in the log', () => {
      expect(gateway.events.length).toBeGreaterThan(10)
      for (const text of [allOf(gateway.events), logged]) {
        expect(text).not.toMatch(/canary/)
        for (const part of token.split('.')) expect(text).not.toContain(part)
      }
    })

    it('SEC-67 no password, claim or token is in an answer', () => {
      expect(bodies.join()).toContain('canary-literal')
      expect(bodies.join()).not.toMatch(/canary-(password|claim|header)/)
      for (const part of token.split('.')) expect(bodies.join()).not.toContain(part)
    })

    it('SEC-67 the audit record of a request says who, what and how it ended', () => {
      const [first, failed, , set, sleep, unknown] = audits
      expect(first).toEqual({
        type: 'sql_answered',
        requestId: expect.stringMatching(/^[0-9a-f-]{36}$/),
        auth: 'token',
        iss: gateway.issuer.iss,
        sub: 'ada',
        tenantId: tenantOfAda,
        kid: gateway.issuer.key.kid,
        jtiHash: expect.stringMatching(/^[0-9a-f]{16}$/),
        role: 'authenticated',
        fingerprints: [expect.stringMatching(/^[0-9a-f]{16}$/)],
        rows: 1,
        durationMs: expect.any(Number),
        outcome: 'ok',
      })
      expect(failed).toMatchObject({ outcome: 'postgres', sqlstate: '22P02', rows: 0, sub: 'ada' })
      expect(set).toMatchObject({ outcome: 'statement_refused', sqlstate: '42501', fingerprints: [], sub: 'ada' })
      expect(sleep).toMatchObject({ outcome: 'statement_refused' })
      expect(unknown).toMatchObject({ outcome: 'postgres', sqlstate: '42P01' })
      expect(new Set(audits.map(({ requestId }) => requestId)).size).toBe(audits.length)
    })

    it('SEC-67 each audit record is one JSON line with its time', () => {
      const lines = logged
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line))
      const answered = lines.filter(({ msg }) => msg === 'sql_answered')
      expect(answered).toHaveLength(11)
      for (const line of answered) expect(new Date(line.time).getTime()).toBeGreaterThan(0)
    })

    it('a trace context is written down as it came', async () => {
      const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
      await scene.gateway.sql(scene.ada, 'select 1', [], { traceparent })
      expect(scene.gateway.events.at(-1)).toMatchObject({ type: 'sql_answered', traceparent })
    })

    it('SEC-45 claims and seal reach the server as bind parameters, never in the text of a statement', () => {
      const binds = recorder.sent.filter(({ type, body }) => type === 'B' && body.includes(canaries.claim))
      expect(binds.length).toBeGreaterThan(3)
      const texts = recorder.sent.filter(({ type }) => type === 'P' || type === 'Q').map(({ body }) => body)
      expect(texts.join()).toContain('rowpass.claims')
      expect(texts.join()).not.toContain(canaries.claim)
      expect(texts.join()).not.toContain('"sub"')
      expect(texts.join()).not.toMatch(/[0-9a-f]{64}/)
    })

    it('SEC-45 nothing of the identity is in what the server shows of a running statement', async () => {
      const holder = new pg.Client(scene.database.superuserUrl)
      await holder.connect()
      await holder.query('select pg_advisory_lock(815)')
      const waiting = scene.gateway.sql(
        await scene.gateway.issuer.token('ada', { note: canaries.claim }),
        'select wait() as waited',
      )
      const running = `select query from pg_stat_activity where usename = 'rowpass_gateway' and datname = current_database()`
      await waitUntil(async () =>
        (await scene.asSuperuser(running)).some(({ query }) => query === 'select wait() as waited'),
      )
      expect(JSON.stringify(await scene.asSuperuser(running))).not.toMatch(/canary|"sub"/)
      await holder.end()
      await waiting
    })
  })
})
