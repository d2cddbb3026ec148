import { connect } from 'node:http2'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startTestGateway, type TestGateway } from '../support/gateway.ts'
import { createTestDatabase, describePg, type TestDatabase } from '../support/pg.ts'

describePg('SQL over HTTP', () => {
  let database: TestDatabase
  let gateway: TestGateway
  let token: string

  beforeAll(async () => {
    database = await createTestDatabase({ contents: 'platform' })
    gateway = await startTestGateway(database, {
      ROWPASS_MAX_REQUEST_BYTES: '20000',
      ROWPASS_MAX_RESPONSE_BYTES: '50000',
      ROWPASS_CORS_ORIGINS: 'https://app.example.test',
    })
    token = await gateway.issuer.token('ada')
  })
  afterAll(async () => {
    await gateway.close()
    await database.close()
  })

  describe('results', () => {
    it('a single query is answered with exactly five members, in their order', async () => {
      const { status, headers, body } = await gateway.sql(token, 'select 1 as one, null as nothing')
      expect(status).toBe(200)
      expect(headers.get('content-type')).toBe('application/json')
      expect(Object.keys(body)).toEqual(['fields', 'rows', 'command', 'rowCount', 'rowAsArray'])
      expect(body).toEqual({
        fields: [
          {
            name: 'one',
            dataTypeID: 23,
            tableID: 0,
            columnID: 0,
            dataTypeSize: 4,
            dataTypeModifier: -1,
            format: 'text',
          },
          {
            name: 'nothing',
            dataTypeID: 25,
            tableID: 0,
            columnID: 0,
            dataTypeSize: -1,
            dataTypeModifier: -1,
            format: 'text',
          },
        ],
        rows: [{ one: '1', nothing: null }],
        command: 'SELECT',
        rowCount: 1,
        rowAsArray: false,
      })
    })

    it('a second run of the same text, now prepared, is answered alike', async () => {
      const query = 'select $1::int + 1 as next, $2 as text'
      const first = await gateway.sql(token, query, [1, 'a'])
      const second = await gateway.sql(token, query, [41, 'b'])
      expect(first.body.rows).toEqual([{ next: '2', text: 'a' }])
      expect(second.body).toEqual({ ...first.body, rows: [{ next: '42', text: 'b' }] })
    })

    it('array mode is taken from the header, and from the query before it', async () => {
      const on = { 'neon-array-mode': 'true', authorization: `Bearer ${token}` }
      const query = 'select 1 as a, 2 as a'
      expect((await gateway.send(JSON.stringify({ query }), on)).body).toMatchObject({
        rows: [['1', '2']],
        rowAsArray: true,
      })
      expect((await gateway.send(JSON.stringify({ query, arrayMode: false }), on)).body).toMatchObject({
        rows: [{ a: '2' }],
        rowAsArray: false,
      })
      expect((await gateway.send(JSON.stringify({ query, arrayMode: null }), on)).body.rowAsArray).toBe(true)
    })

    it('raw text keeps what PostgreSQL prints; typed cells become JSON', async () => {
      const query = `select true as b, 7::int2 as i, 1.5::float8 as f, 'NaN'::float8 as n, 9007199254740993::int8 as l,
        '{"a": [1]}'::jsonb as j, '{1,NULL}'::int[] as a, '{"x,y","NULL"}'::text[] as t,
        '{"(2,2),(1,1)","(4,4),(3,3)"}'::text::box[] as x, '1 2'::int2vector as v, '\\x41'::bytea as y`.replace(
        `'{"(2,2),(1,1)","(4,4),(3,3)"}'::text::box[]`,
        `array['(2,2),(1,1)'::box, '(4,4),(3,3)'::box]`,
      )
      const raw = await gateway.sql(token, query)
      expect(raw.body.rows).toEqual([
        {
          b: 't',
          i: '7',
          f: '1.5',
          n: 'NaN',
          l: '9007199254740993',
          j: '{"a": [1]}',
          a: '{1,NULL}',
          t: '{"x,y","NULL"}',
          x: '{(2,2),(1,1);(4,4),(3,3)}',
          v: '1 2',
          y: '\\x41',
        },
      ])
      const typed = await gateway.sql(token, query, [], { 'neon-raw-text-output': 'false' })
      expect(typed.body.rows).toEqual([
        {
          b: true,
          i: 7,
          f: 1.5,
          n: 'NaN',
          l: '9007199254740993',
          j: { a: [1] },
          a: [1, null],
          t: ['x,y', 'NULL'],
          x: ['(2,2),(1,1)', '(4,4),(3,3)'],
          v: [1, 2],
          y: '\\x41',
        },
      ])
    })

    it('JSON parameters of every kind arrive as PostgreSQL values', async () => {
      const query = 'select $1::bool b, $2::float8 f, $3::jsonb j, $4::text[] a, $5::text t, $6::int[] m'
      const params = [true, 1.25, { k: ['v'] }, ['a"b', 'c\\d', 'line\nbreak', null], null, [[1], [2]]]
      const { body } = await gateway.sql(token, query, params, { 'neon-raw-text-output': 'false' })
      expect(body.rows).toEqual([
        { b: true, f: 1.25, j: { k: ['v'] }, a: ['a"b', 'c\\d', 'line\nbreak', null], t: null, m: [[1], [2]] },
      ])
    })

    it('an empty query and a query that finds nothing have answers', async () => {
      expect((await gateway.sql(token, '')).body).toEqual({
        fields: [],
        rows: [],
        command: '',
        rowCount: null,
        rowAsArray: false,
      })
      expect((await gateway.sql(token, 'select 1 as a where false')).body).toMatchObject({
        fields: [{ name: 'a' }],
        rows: [],
        command: 'SELECT',
        rowCount: 0,
      })
    })
  })

  describe('batches', () => {
    it('run in order in one transaction and echo its options', async () => {
      const { headers, body } = await gateway.batch(
        token,
        ['select pg_current_xact_id_if_assigned() is null as fresh', { query: 'select $1::int as n', params: [2] }, ''],
        {
          'neon-batch-isolation-level': 'Serializable',
          'neon-batch-read-only': 'true',
          'neon-batch-deferrable': 'true',
        },
      )
      expect(body.results.map((result: { rows: unknown[] }) => result.rows)).toEqual([
        [{ fresh: 't' }],
        [{ n: '2' }],
        [],
      ])
      expect(headers.get('neon-batch-isolation-level')).toBe('Serializable')
      expect(headers.get('neon-batch-read-only')).toBe('true')
      expect(headers.get('neon-batch-deferrable')).toBe('true')
    })

    it('options that were not sent are not echoed', async () => {
      const { headers } = await gateway.batch(token, ['select 1'])
      for (const name of ['isolation-level', 'read-only', 'deferrable']) {
        expect(headers.has(`neon-batch-${name}`)).toBe(false)
      }
    })

    it.each(['ReadUncommitted', 'ReadCommitted', 'RepeatableRead', 'Serializable'])(
      'PostgreSQL runs the isolation level %s',
      async (level) => {
        const { body } = await gateway.batch(token, [`select current_setting('transaction_isolation') as level`], {
          'neon-batch-isolation-level': level,
        })
        expect(body.results[0].rows[0].level.replace(' ', '')).toBe(level.toLowerCase())
      },
    )

    it('an empty batch has no results', async () => {
      expect((await gateway.batch(token, [])).body).toEqual({ results: [] })
    })

    it('the first error is the answer, and nothing of the batch remains', async () => {
      const { status, body } = await gateway.batch(token, ['select 1', 'select 1/0', 'select 2'])
      expect(status).toBe(400)
      expect(body).toMatchObject({ code: '22012', message: 'division by zero' })
      expect((await gateway.sql(token, 'select 1 as one')).body.rows).toEqual([{ one: '1' }])
    })
  })

  describe('errors', () => {
    it('an error of PostgreSQL has all members that Neon sends, and nothing of the server’s inside', async () => {
      const { status, body } = await gateway.sql(token, 'select nothing')
      expect(status).toBe(400)
      expect(Object.keys(body).sort()).toEqual(
        (
          'code column constraint dataType detail file hint internalPosition internalQuery line message position ' +
          'routine schema severity table where'
        ).split(' '),
      )
      expect(body).toMatchObject({ code: '42703', severity: 'ERROR', position: '8' })
      // SEC-66
      expect(body).toMatchObject({ file: null, line: null, routine: null, internalQuery: null, where: null })
    })

    it.each([
      ['too few parameters', 'select $1::int', [], 'bind message supplies 0 parameters'],
      ['too many parameters', 'select $1::int', [1, 2], 'bind message supplies 2 parameters'],
    ])('%s are reported by PostgreSQL', async (_title, query, params, message) => {
      const { body } = await gateway.sql(token, query, params)
      expect(body).toMatchObject({ code: '08P01', message: expect.stringContaining(message) })
    })

    it('several statements in one text are refused', async () => {
      const { status, body } = await gateway.sql(token, 'select 1; select 2')
      expect(status).toBe(400)
      expect(body.code).toBe('42601')
    })

    it.each<[string, string, RegExp]>([
      ['no JSON', '{"query"', /^could not parse the HTTP request body: /],
      ['an empty body', '', /^could not parse the HTTP request body: /],
      ['no query', '{}', /data did not match any variant of untagged enum Payload$/],
      ['a query that is no text', '{"query":1}', /Payload$/],
      ['parameters that are null', '{"query":"select 1","params":null}', /Payload$/],
      ['array mode that is no boolean', '{"query":"select 1","arrayMode":"true"}', /Payload$/],
      ['queries that are no list', '{"queries":{}}', /Payload$/],
      ['a list', '[]', /Payload$/],
      ['a NUL character', '{"query":"select 1\\u0000"}', /NUL/],
      ['too many dimensions', `{"query":"select 1","params":[${'['.repeat(7)}${']'.repeat(7)}]}`, /dimensions/],
      ['nesting without end', `{"query":"select 1","params":[${'['.repeat(9_000)}${']'.repeat(9_000)}]}`, /100 levels/],
    ])('refuses %s', async (_title, body, message) => {
      const answer = await gateway.send(body, { authorization: `Bearer ${token}` })
      expect(answer.status).toBe(400)
      expect(answer.body).toMatchObject({ code: '08P01', message: expect.stringMatching(message) })
    })

    it('the single form wins where both are present, and unknown members are ignored', async () => {
      const body = JSON.stringify({ queries: [{ query: 'select 1/0' }], query: 'select 1 as one', more: true })
      expect((await gateway.send(body, { authorization: `Bearer ${token}` })).body.rows).toEqual([{ one: '1' }])
    })

    it.each<[string, string | undefined, string]>([
      ['no connection string', undefined, 'invalid header: neon-connection-string'],
      ['no URL', 'nonsense', 'invalid connection string: it is not a URL'],
      ['another scheme', 'mysql://authenticated@host/db', 'incorrect scheme'],
      ['no path', 'postgresql://authenticated@host', 'missing database name'],
      ['no user', 'postgresql://host/db', 'missing username'],
    ])('refuses a connection string with %s', async (_title, connectionString, message) => {
      const answer = await gateway.sql(token, 'select 1', [], {
        'neon-connection-string': connectionString as string,
      })
      expect(answer.status).toBe(400)
      expect(answer.body).toMatchObject({ message, code: '08P01' })
      expect(JSON.stringify(answer.body)).not.toContain('nonsense')
    })

    it('an unknown isolation level is refused on a single query too', async () => {
      const { status, body } = await gateway.sql(token, 'select 1', [], {
        'neon-batch-isolation-level': 'serializable',
      })
      expect(status).toBe(400)
      expect(body.message).toBe('invalid isolation level')
    })
  })

  describe('limits', () => {
    it('SEC-65 a body at the limit is accepted, one byte more is refused with 413', async () => {
      const bodyOf = (bytes: number): string => {
        const frame = JSON.stringify({ query: 'select length($1::text) as n', params: [''] })
        return frame.replace('[""]', `["${'x'.repeat(bytes - frame.length)}"]`)
      }
      const accepted = await gateway.send(bodyOf(20_000), { authorization: `Bearer ${token}` })
      expect(accepted.status).toBe(200)
      const refused = await gateway.send(bodyOf(20_001), { authorization: `Bearer ${token}` })
      expect(refused.status).toBe(413)
      expect(refused.body).toMatchObject({ message: 'request is too large (max is 20000 bytes)', code: '54000' })
    })

    it.each([
      ['many rows', `select repeat('x', 100) from generate_series(1, 1000)`],
      ['one row', `select repeat('x', 1000000)`],
      ['rows without end', `select repeat('x', 100), generate_series(1, 1000000000)`],
    ])('SEC-65 a result of %s over the limit is refused with 507, and the gateway goes on', async (_title, query) => {
      const { status, body } = await gateway.sql(token, query)
      expect(status).toBe(507)
      expect(body).toMatchObject({ message: 'response is too large (max is 50000 bytes)', code: '54000' })
      expect((await gateway.sql(token, 'select 1 as one')).body.rows).toEqual([{ one: '1' }])
    })

    it('SEC-65 more than 65,535 parameters are refused', async () => {
      const params = Array.from({ length: 65_536 }, () => 1)
      const other = await startTestGateway(database)
      const { body } = await other.sql(await other.issuer.token('ada'), 'select 1', params)
      await other.close()
      expect(body).toMatchObject({ code: '08P01', message: 'a query has at most 65535 parameters' })
    })
  })

  describe('HTTP', () => {
    it.each([
      ['GET', '/sql'],
      ['POST', '/sql/'],
      ['POST', '/'],
      ['PUT', '/sql'],
    ])('%s %s is not supported', async (method, path) => {
      const response = await fetch(new URL(path, gateway.url), { method })
      expect(response.status).toBe(400)
      expect(await response.text()).toBe('"query is not supported"')
    })

    it('a query string is ignored', async () => {
      const response = await fetch(`${gateway.url}?token=${token}`, {
        method: 'POST',
        body: '{"query":"select 1"}',
        headers: { 'neon-connection-string': gateway.connectionString },
      })
      // SEC-19: a token in the URL is no token.
      expect(await response.json()).toMatchObject({
        code: '28000',
        message: 'missing authentication credentials: required authorization bearer token in JWT format',
      })
      expect(response.headers.get('www-authenticate')).toBe('Bearer')
    })

    it('the request id is the client’s when it is a UUID, else a new one', async () => {
      const id = 'b2ab0d0c-9cd4-4f3c-8b0b-0a7c1ad0c0de'
      const kept = await gateway.sql(token, 'select 1', [], { 'neon-request-id': id })
      expect(kept.headers.get('neon-request-id')).toBe(id)
      const replaced = await gateway.sql(token, 'select 1', [], { 'neon-request-id': 'mine' })
      expect(replaced.headers.get('neon-request-id')).toMatch(/^[0-9a-f-]{36}$/)
    })

    it('SEC-65 an origin of the list may call from a page, another may not', async () => {
      const preflight = (origin: string) => fetch(gateway.url, { method: 'OPTIONS', headers: { origin } })
      const allowed = await preflight('https://app.example.test')
      expect(allowed.status).toBe(200)
      expect(allowed.headers.get('allow')).toBe('OPTIONS, POST')
      expect(allowed.headers.get('access-control-allow-origin')).toBe('https://app.example.test')
      expect(allowed.headers.get('access-control-allow-headers')).toContain('Neon-Batch-Deferrable')
      expect((await preflight('https://evil.example.test')).headers.has('access-control-allow-origin')).toBe(false)
      const { headers } = await gateway.sql(token, 'select 1', [], { origin: 'https://app.example.test' })
      expect(headers.get('access-control-allow-origin')).toBe('https://app.example.test')
      expect((await gateway.sql(token, 'select 1')).headers.has('access-control-allow-origin')).toBe(false)
    })

    it('HTTP/2 without TLS is spoken on the same port', async () => {
      const session = connect(new URL(gateway.url).origin)
      const stream = session.request({
        ':method': 'POST',
        ':path': '/sql',
        authorization: `Bearer ${token}`,
        'neon-connection-string': gateway.connectionString,
        'neon-raw-text-output': 'true',
      })
      stream.end('{"query":"select 2 as two"}')
      const headers = await new Promise<Record<string, unknown>>((resolve) => stream.on('response', resolve))
      const chunks: Buffer[] = []
      for await (const chunk of stream) chunks.push(chunk)
      session.close()
      expect(headers[':status']).toBe(200)
      expect(JSON.parse(Buffer.concat(chunks).toString()).rows).toEqual([{ two: '2' }])
    })

    it('the gateway answers a Request without a socket', async () => {
      const response = await gateway.gateway.fetch(
        new Request('http://in-process/sql', {
          method: 'POST',
          body: '{"query":"select 3 as three"}',
          headers: {
            authorization: `Bearer ${token}`,
            'neon-connection-string': gateway.connectionString,
            'neon-raw-text-output': 'true',
          },
        }),
      )
      expect(response.status).toBe(200)
      expect(await response.json()).toMatchObject({ rows: [{ three: '3' }] })
    })

    it('health and readiness', async () => {
      expect((await fetch(new URL('/healthz', gateway.url))).status).toBe(200)
      expect((await fetch(new URL('/readyz', gateway.url))).status).toBe(200)
    })
  })
})
