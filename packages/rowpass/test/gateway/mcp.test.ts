import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { issueToken } from '../../src/issuer/issue.ts'
import { startTestGateway, waitUntil } from '../support/gateway.ts'
import { describePg } from '../support/pg.ts'
import { pgbouncerProgram, startPgBouncer } from '../support/pgbouncer.ts'
import { connectMcp, mcpUrl, revisions } from './mcp-client.ts'
import { bobsSecret, type Scene, startScene } from './scene.ts'

/** Besides the notes: what a description may tell of, and what not. */
const more = `
  comment on table notes is 'what people wrote';
  comment on column notes.body is 'in plain text';
  create table vault (id int, secret text);
  create table letters (id int, hidden_column text);
  alter table letters enable row level security;
  grant select (id) on letters to authenticated;
  create policy letters_read on letters for select to authenticated
    using (hidden_column = (select auth.user_id()) or exists (select from vault where secret = 'x'));
  create policy letters_auditor on letters for select to rowpass_owner using (true);
`

describePg('the door for assistants', () => {
  let scene: Scene

  beforeAll(async () => {
    const settings = {
      ...{
        ROWPASS_MCP: 'true',
        ROWPASS_MCP_MAX_ROWS: '3',
        ROWPASS_MCP_MAX_BYTES: '2000',
        ROWPASS_MCP_MAX_CHANGES: '2',
      },
      ...{ ROWPASS_CORS_ORIGINS: 'https://app.example.test', ROWPASS_IDENTITY_LIMIT: '8' },
      ROWPASS_ALLOW_EXPLAIN: 'true',
    }
    scene = await startScene(settings, more)
  })
  afterAll(() => scene.close())

  const answered = () => scene.gateway.events.filter((event) => event.type === 'sql_answered').at(-1)

  describe.each(revisions)('in revision %s', (revision) => {
    it('answers a query by the official client, as the person whose token it is', async () => {
      const { client, call, close } = await connectMcp(scene.gateway, scene.ada, revision)
      expect(client.getNegotiatedProtocolVersion()).toBe(revision)
      const { isError, text, data } = await call('query', {
        sql: 'select id, body from notes where body like $1',
        params: ['of%'],
      })
      expect({ isError, data }).toEqual({
        isError: false,
        data: { columns: ['id', 'body'], rows: [[1, 'of ada']], truncated: false },
      })
      expect(JSON.parse(text)).toEqual(data)
      expect(answered()).toMatchObject({ sub: 'ada', tool: 'query', rows: 1, outcome: 'ok' })
      await close()
    })

    it('tells of its tools what is true of them', async () => {
      const { client, close } = await connectMcp(scene.gateway, scene.ada, revision)
      const { tools } = await client.listTools()
      expect(tools.map(({ name, annotations }) => [name, annotations?.readOnlyHint])).toEqual([
        ['describe', true],
        ['query', true],
        ['change', false],
        ['why', true],
      ])
      for (const tool of tools) {
        expect(tool.annotations).toMatchObject({ openWorldHint: false })
        expect(tool.inputSchema.additionalProperties).toBe(false)
        expect(tool.outputSchema?.type).toBe('object')
      }
      await close()
    })
  })

  it('returns no more rows than it may, nor bytes, and says so', async () => {
    const { call, close } = await connectMcp(scene.gateway, scene.ada)
    const three = await call('query', { sql: 'select n from generate_series(1, 3) n' })
    expect(three.data).toEqual({ columns: ['n'], rows: [[1], [2], [3]], truncated: false })
    const more = await call('query', { sql: 'select generate_series(1, 1000000000) as n' })
    expect(more.data).toEqual({ columns: ['n'], rows: [[1], [2], [3]], truncated: true })
    const long = await call('query', { sql: "select repeat('x', 900) as t from generate_series(1, 3)" })
    expect({ rows: long.data.rows.length, truncated: long.data.truncated }).toEqual({ rows: 2, truncated: true })
    expect((await call('query', { sql: "select repeat('x', 3000)" })).data).toMatchObject({ rows: [], truncated: true })
    await close()
  })

  it('refuses what is no reading, and says what to do instead', async () => {
    const { call, close } = await connectMcp(scene.gateway, scene.ada)
    const cases = [
      ["insert into notes (body) values ('x')", 'Use "change"'],
      ['with w as (delete from notes returning *) select * from w', 'Use "change"'],
      ["select run('delete from notes')", 'Use "change"'],
      ['select * from absent', 'Call "describe"'],
      ['select 1; select 2', 'Send one statement'],
      ['explain select * from notes', 'no EXPLAIN'],
    ] as const
    for (const [sql, says] of cases)
      expect(await call('query', { sql })).toMatchObject({ isError: true, text: expect.stringContaining(says) })
    expect((await call('query', { sql: 'select id from notes' })).data.rows).toEqual([[1]])
    await close()
  })

  it('hides rows of others as the gateway does', async () => {
    const { call, close } = await connectMcp(scene.gateway, scene.ada)
    expect(JSON.stringify(await call('query', { sql: 'select * from notes' }))).not.toContain(bobsSecret)
    await close()
  })

  describe('change', () => {
    const sql = "update notes set body = $1 where owner = 'ada' returning id, body"
    const bodies = () => scene.asSuperuser("select body from notes where owner = 'ada' order by id")

    it('says what would change, changes nothing, and keeps it when that is confirmed, once', async () => {
      const { call, close } = await connectMcp(scene.gateway, scene.ada)
      const dry = await call('change', { sql, params: ['by an agent'] })
      expect(dry.data).toMatchObject({ committed: false, command: 'UPDATE', changed: 1, rows: [[1, 'by an agent']] })
      expect(await bodies()).toEqual([{ body: 'of ada' }])
      const { confirmation } = dry.data
      const kept = await call('change', { sql, params: ['by an agent'], confirmation })
      expect(kept.data).toMatchObject({ committed: true, changed: 1, rows: [[1, 'by an agent']] })
      expect(await bodies()).toEqual([{ body: 'by an agent' }])
      const again = await call('change', { sql, params: ['by an agent'], confirmation })
      expect(again).toMatchObject({ isError: true, text: expect.stringContaining('without a confirmation') })
      await scene.asSuperuser("update notes set body = 'of ada' where owner = 'ada'")
      await close()
    })

    it('takes a confirmation for that statement, those values and that person only', async () => {
      const { call, close } = await connectMcp(scene.gateway, scene.ada)
      const bob = await connectMcp(scene.gateway, scene.bob)
      const { confirmation } = (await call('change', { sql, params: ['confirmed'] })).data
      const refused = { isError: true, text: expect.stringContaining('confirmation') }
      expect(await call('change', { sql: `${sql} `, params: ['confirmed'], confirmation })).toMatchObject(refused)
      expect(await call('change', { sql, params: ['another'], confirmation })).toMatchObject(refused)
      expect(await bob.call('change', { sql, params: ['confirmed'], confirmation })).toMatchObject(refused)
      const forged = confirmation.replace(/\.1\./, '.2.')
      expect(await call('change', { sql, params: ['confirmed'], confirmation: forged })).toMatchObject(refused)
      expect(await bodies()).toEqual([{ body: 'of ada' }])
      await bob.close()
      await close()
    })

    it('keeps nothing when other rows would be changed than were confirmed', async () => {
      const { call, close } = await connectMcp(scene.gateway, scene.ada)
      const remove = { sql: "delete from notes where owner = 'ada'" }
      const { confirmation } = (await call('change', remove)).data
      await scene.asSuperuser("insert into notes (owner, body) values ('ada', 'second of ada')")
      const kept = await call('change', { ...remove, confirmation })
      expect(kept).toMatchObject({ isError: true, text: expect.stringContaining('2 rows now, and not 1') })
      expect(await bodies()).toEqual([{ body: 'of ada' }, { body: 'second of ada' }])
      await scene.asSuperuser("delete from notes where body = 'second of ada'")
      expect((await call('query', { sql: 'select id from notes' })).data.rows).toEqual([[1]])
      await close()
    })

    const paths: readonly (readonly [string, number | undefined])[] = [
      ['to PostgreSQL itself', undefined],
      ...(pgbouncerProgram === undefined ? [] : [['to pgbouncer in transaction mode', 1] as const]),
    ]
    it.each(paths)('keeps what was confirmed when the connection of the dry run is gone, %s', async (_, size) => {
      const bouncer = size === undefined ? undefined : await startPgBouncer(scene.database, size)
      const gateway = await startTestGateway(scene.database, {
        ...{ ROWPASS_MCP: 'true', ROWPASS_POOL_SIZE: '2' },
        ...(bouncer && { ROWPASS_DATABASE_URL: bouncer.gatewayUrl, ROWPASS_PREPARED_STATEMENTS: '0' }),
      })
      const { call, close } = await connectMcp(gateway, await gateway.issuer.token('ada'))
      const { confirmation, ...dry } = (await call('change', { sql, params: ['on another'] })).data
      expect(dry).toMatchObject({ committed: false, changed: 1 })
      const cut = await scene.asSuperuser(
        `select pg_terminate_backend(pid, 10000) as cut from pg_stat_activity where datname = current_database() and usename = 'rowpass_gateway'`,
      )
      expect(cut.length).toBeGreaterThan(0)
      expect(await bodies()).toEqual([{ body: 'of ada' }])
      await waitUntil(() => gateway.gateway.ready())
      const kept = await call('change', { sql, params: ['on another'], confirmation })
      expect(kept.data).toMatchObject({ committed: true, changed: 1 })
      expect(await bodies()).toEqual([{ body: 'on another' }])
      await scene.asSuperuser("update notes set body = 'of ada' where owner = 'ada'")
      await close()
      await gateway.close()
      await bouncer?.close()
    })

    it('changes no more rows than it may', async () => {
      const { call, close } = await connectMcp(scene.gateway, scene.ada)
      const many = "insert into notes (body) select 'n' || n from generate_series(1, $1::int) n"
      expect((await call('change', { sql: many, params: [2] })).data).toMatchObject({ changed: 2 })
      const more = await call('change', { sql: many, params: [3] })
      expect(more).toMatchObject({ isError: true, text: expect.stringContaining('may change 2') })
      const hidden = await call('change', {
        sql: "with w as (delete from notes returning 1) update notes set body = 'x' where id = 1",
      })
      expect(hidden).toMatchObject({ isError: true, text: expect.stringContaining('send each change by itself') })
      expect(await call('change', { sql: "select run('delete from notes')" })).toMatchObject({ isError: true })
      expect(await bodies()).toEqual([{ body: 'of ada' }])
      await close()
    })
  })

  it('describes what this identity may use, and names nothing else', async () => {
    const { call, close } = await connectMcp(scene.gateway, scene.ada)
    const { data, text } = await call('describe')
    expect(data.identity).toEqual({ subject: 'ada', role: 'authenticated' })
    const [notes] = data.tables.filter(({ table }: { table: string }) => table === 'public.notes')
    expect(notes).toMatchObject({
      comment: 'what people wrote',
      commands: ['SELECT', 'INSERT', 'UPDATE', 'DELETE'],
      policed: true,
    })
    expect(notes.columns).toContainEqual({
      name: 'body',
      type: 'text',
      commands: ['SELECT', 'INSERT', 'UPDATE'],
      required: true,
      comment: 'in plain text',
    })
    expect(notes.policies).toEqual([
      {
        name: 'notes_own',
        command: 'ALL',
        permissive: true,
        using: expect.stringContaining('owner'),
        check: expect.any(String),
      },
    ])
    expect(data.tables.find(({ table }: { table: string }) => table === 'public.letters')).toMatchObject({
      columns: [{ name: 'id' }],
      commands: ['SELECT'],
      policies: [{ name: 'letters_read', using: null }],
    })
    expect(text).not.toMatch(/vault|hidden_column|letters_auditor/)
    expect((await call('describe', { matching: 'LETT' })).data.tables).toHaveLength(1)
    await close()
  })

  describe('with a narrowed token', () => {
    const narrowed = async (scope: string) =>
      connectMcp(scene.gateway, await scene.gateway.issuer.token('ada', { act: { sub: 'agent' }, scope }))

    it('SEC-82 shows and does what its scopes allow, and names no other table', async () => {
      const { client, call, close } = await narrowed('sql:read table:notes')
      expect((await client.listTools()).tools.map(({ name }) => name)).toEqual(['describe', 'query', 'why'])
      const { data, text } = await call('describe')
      expect(data.tables).toMatchObject([{ table: 'public.notes', commands: ['SELECT'] }])
      expect(text).not.toContain('letters')
      expect((await call('query', { sql: 'select body from notes' })).data.rows).toEqual([['of ada']])
      for (const [tool, sql] of [
        ['query', 'select id from letters'],
        ['query', 'with notes as (select id from letters) select * from notes'],
        ['change', 'delete from notes'],
        ['why', 'select id from letters'],
      ] as const) {
        const { isError, text: told } = await call(tool, { sql })
        expect([tool, sql, isError || /scope_refused|refused by the gateway/.test(told)]).toEqual([tool, sql, true])
      }
      expect(answered()).toMatchObject({ sub: 'ada', actor: 'agent' })
      await close()
    })

    it('SEC-82 reads without a table in its scopes what the person may, and changes nothing', async () => {
      const { call, close } = await narrowed('sql:read')
      const [notes] = (await call('describe', { matching: 'public.notes' })).data.tables
      expect(notes.commands).toEqual(['SELECT'])
      expect(notes.columns.map(({ commands }: { commands: string[] }) => commands)).toContainEqual(['SELECT'])
      expect((await call('query', { sql: 'select body from notes' })).data.rows).toEqual([['of ada']])
      expect((await call('change', { sql: 'delete from notes' })).isError).toBe(true)
      await close()
    })

    it('SEC-82 changes within its scopes, and no confirmation is good for a wider token', async () => {
      const sql = "insert into notes (owner, body) values ('ada', 'by the agent')"
      const { call, close } = await narrowed('sql:write table:notes:select,insert')
      const { data } = await call('change', { sql })
      expect(data).toMatchObject({ committed: false, changed: 1 })
      expect((await call('change', { sql: 'delete from notes' })).isError).toBe(true)
      const person = await connectMcp(scene.gateway, scene.ada)
      expect((await person.call('change', { sql, confirmation: data.confirmation })).isError).toBe(true)
      expect((await call('change', { sql, confirmation: data.confirmation })).data).toMatchObject({ committed: true })
      expect(await scene.asSuperuser("delete from notes where body = 'by the agent' returning owner")).toEqual([
        { owner: 'ada' },
      ])
      await Promise.all([person.close(), close()])
    })
  })

  it('explains a refusal by what this identity may know', async () => {
    const { call, close } = await connectMcp(scene.gateway, scene.ada)
    const why = async (sql: string) => (await call('why', { sql })).data
    expect(await why('select * from notes')).toMatchObject({ outcome: 'runs', rows: 1 })
    expect(await why(`select * from notes where body = '${bobsSecret}'`)).toMatchObject({
      outcome: 'runs',
      rows: 0,
      reason: expect.stringContaining('look the same'),
    })
    expect(await why('select * from vault')).toMatchObject({ outcome: 'refused by PostgreSQL', code: '42501' })
    expect(await why("insert into notes (owner, body) values ('bob', 'x')")).toMatchObject({
      code: '42501',
      instead: expect.stringContaining('policies for INSERT'),
    })
    expect(await why("insert into notes (body) values ('tried')")).toMatchObject({
      outcome: 'runs',
      instead: expect.stringContaining('change'),
    })
    expect(await why("select set_config('rowpass.claims', '{}', false)")).toMatchObject({
      outcome: 'refused by the gateway',
    })
    expect(await why('explain select * from notes')).toMatchObject({ outcome: 'refused by the gateway' })
    expect(await scene.asSuperuser("select from notes where body = 'tried'")).toEqual([])
    await close()
  })

  describe('over HTTP', () => {
    const json = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' }
    const list = '{"jsonrpc":"2.0","id":1,"method":"tools/list"}'
    const slow = JSON.stringify({
      ...{ jsonrpc: '2.0', id: 1, method: 'tools/call' },
      params: { name: 'query', arguments: { sql: 'select count(*) from generate_series(1, 3000000)' } },
    })
    const post = (headers: Record<string, string>, body = list) =>
      fetch(mcpUrl(scene.gateway), { method: 'POST', headers: { ...json, ...headers }, body })

    /** At a gateway whose tokens have to name it. */
    async function named(token: string): Promise<Response> {
      const settings = { ROWPASS_MCP: 'true', ROWPASS_MCP_RESOURCE: 'https://sql.example.test/mcp' }
      const gateway = await startTestGateway(scene.database, {
        ...settings,
        ROWPASS_ISSUERS: JSON.stringify([
          {
            iss: scene.gateway.issuer.iss,
            jwks_url: scene.gateway.issuer.jwksUrl,
            audience: ['rowpass', 'https://sql.example.test/mcp'],
          },
        ]),
      })
      const headers = { ...json, authorization: `Bearer ${token}` }
      const answer = await fetch(mcpUrl(gateway), { method: 'POST', headers, body: list })
      await gateway.close()
      return answer
    }

    it('answers nobody without a token, before it looks at anything', async () => {
      const answer = await post({ 'content-type': 'text/plain' }, '{')
      expect(answer.status).toBe(401)
      expect(answer.headers.get('www-authenticate')).toBe(
        `Bearer resource_metadata="${mcpUrl(scene.gateway).origin}/.well-known/oauth-protected-resource/mcp"`,
      )
      expect(answered()).toMatchObject({ auth: 'none', outcome: 'token_missing' })
    })

    it('refuses a token that was made for something else', async () => {
      const elsewhere = await issueToken(scene.gateway.issuer.key, {
        ...{ issuer: scene.gateway.issuer.iss, subject: 'ada', clientId: 'test', ttlSeconds: 60 },
        audience: 'another',
      })
      expect((await post({ authorization: `Bearer ${elsewhere}` })).status).toBe(401)
      expect((await named(scene.ada)).status).toBe(401)
      const forHere = await issueToken(scene.gateway.issuer.key, {
        ...{ issuer: scene.gateway.issuer.iss, subject: 'ada', clientId: 'test', ttlSeconds: 60 },
        audience: 'https://sql.example.test/mcp',
      })
      expect((await named(forHere)).status).toBe(200)
    })

    it('says where its metadata is, and what stands in it', async () => {
      for (const path of ['', '/mcp']) {
        const answer = await fetch(new URL(`/.well-known/oauth-protected-resource${path}`, scene.gateway.url))
        expect(await answer.json()).toEqual({
          resource: mcpUrl(scene.gateway).href,
          authorization_servers: [scene.gateway.issuer.iss],
          bearer_methods_supported: ['header'],
          resource_name: 'Rowpass',
        })
      }
      const elsewhere = await fetch(new URL('/.well-known/oauth-protected-resource/sql', scene.gateway.url))
      expect(elsewhere.status).toBe(404)
    })

    it('answers no page, and no other host, that is not named', async () => {
      const authorization = `Bearer ${scene.ada}`
      expect((await post({ authorization, origin: 'https://evil.example.test' })).status).toBe(403)
      expect((await post({ authorization, origin: 'null' })).status).toBe(403)
      expect((await post({ authorization, origin: 'https://app.example.test' })).status).toBe(200)
      const at = async (host: string) => {
        const request = new Request(`http://${host}/mcp`, {
          method: 'POST',
          headers: { ...json, authorization },
          body: list,
        })
        return (await scene.gateway.gateway.fetch(request)).status
      }
      expect(await at('localhost:1')).toBe(200)
      expect(await at('evil.example.test')).toBe(421)
    })

    it('takes one message of JSON at a time, of a size', async () => {
      const authorization = `Bearer ${scene.ada}`
      expect((await post({ authorization }, '{')).status).toBe(400)
      expect((await post({ authorization }, `[${list},${list}]`)).status).toBe(400)
      expect((await post({ authorization }, '['.repeat(1_000))).status).toBe(400)
      expect((await post({ authorization, 'content-type': 'text/plain' })).status).toBe(415)
      expect((await post({ authorization }, JSON.stringify({ text: 'x'.repeat(300_000) }))).status).toBe(413)
      const listen = await post({ authorization }, '{"jsonrpc":"2.0","id":7,"method":"subscriptions/listen"}')
      expect(await listen.json()).toMatchObject({ id: 7, error: { code: -32_601 } })
      expect((await fetch(mcpUrl(scene.gateway), { headers: { authorization } })).status).toBe(405)
    })

    describe('what the headers say of a call', () => {
      const newest = {
        'io.modelcontextprotocol/protocolVersion': revisions[0],
        'io.modelcontextprotocol/clientInfo': { name: 'test', version: '1' },
        'io.modelcontextprotocol/clientCapabilities': {},
      }
      const params = { name: 'query', arguments: { sql: 'select id, body from notes' } }
      const said = { 'mcp-protocol-version': revisions[0], 'mcp-method': 'tools/call', 'mcp-name': 'query' }
      const send = async (headers: Record<string, string>, meta: Record<string, unknown> | undefined) => {
        const message = { jsonrpc: '2.0', id: 'own', method: 'tools/call', params: { ...params, _meta: meta } }
        const answer = await post({ authorization: `Bearer ${scene.ada}`, ...headers }, JSON.stringify(message))
        const text = await answer.text()
        return { status: answer.status, body: JSON.parse(text.replace(/^event: message\ndata: /, '')) }
      }
      const rows = { columns: ['id', 'body'], rows: [[1, 'of ada']], truncated: false }

      it('in other letters is the same call', async () => {
        const direct = await send(said, newest)
        expect(direct).toMatchObject({ status: 200, body: { id: 'own', result: { structuredContent: rows } } })
        expect(await send({ ...said, 'mcp-name': '=?base64?cXVlcnk=?=' }, newest)).toEqual(direct)
        const older = await send({ 'mcp-protocol-version': revisions[1] }, undefined)
        expect(older.body.result.structuredContent).toEqual(rows)
        expect(await send({ 'mcp-protocol-version': ` ${revisions[1]} ` }, undefined)).toEqual(older)
        expect(await send({}, undefined)).toEqual(older)
      })

      it.each([
        ['another tool', { ...said, 'mcp-name': 'change' }, newest, 400, -32_020],
        ['no tool', { 'mcp-protocol-version': revisions[0], 'mcp-method': 'tools/call' }, newest, 400, -32_020],
        ['another method', { ...said, 'mcp-method': 'tools/list' }, newest, 400, -32_020],
        ['another revision', { ...said, 'mcp-protocol-version': revisions[1] }, newest, 400, -32_020],
        ['no revision', { 'mcp-method': 'tools/call', 'mcp-name': 'query' }, newest, 400, -32_020],
        ['a claim that is not made', said, undefined, 400, -32_602],
        ['a revision that nobody knows', { 'mcp-protocol-version': '2024-01-01' }, undefined, 400, -32_000],
        [
          'that it takes no answer',
          { 'mcp-protocol-version': revisions[1], accept: 'text/html' },
          undefined,
          406,
          -32_000,
        ],
      ])('%s is refused, and nothing runs', async (_what, headers, meta, status, code) => {
        const before = scene.gateway.events.filter((event) => event.type === 'sql_answered' && event.tool).length
        expect(await send(headers, meta)).toMatchObject({ status, body: { error: { code } } })
        expect(scene.gateway.events.filter((event) => event.type === 'sql_answered' && event.tool).length).toBe(before)
      })

      it('of an older revision in the claim of the newest is refused', async () => {
        const claim = { ...newest, 'io.modelcontextprotocol/protocolVersion': revisions[1] }
        expect(await send({ ...said, 'mcp-protocol-version': revisions[1] }, claim)).toMatchObject({ status: 400 })
      })
    })

    it('is not there unless it was asked for', async () => {
      const closed = await startTestGateway(scene.database)
      expect((await fetch(mcpUrl(closed), { method: 'POST' })).status).toBe(400)
      expect(await (await fetch(mcpUrl(closed), { method: 'POST' })).text()).toContain('not supported')
      await closed.close()
    })

    it('is open again when its answer is there, through fetch as well', async () => {
      for (let request = 0; request < 20; request++) {
        const headers = { ...json, authorization: `Bearer ${scene.bob}` }
        const answer = await scene.gateway.gateway.fetch(
          new Request('http://localhost/mcp', { method: 'POST', headers, body: list }),
        )
        expect(answer.status).toBe(200)
      }
    })

    it('counts for whom it is from, with what they send elsewhere', async () => {
      const authorization = `Bearer ${scene.ada}`
      const sleepers = Array.from({ length: 12 }, () => post({ authorization }, slow))
      const statuses = (await Promise.all(sleepers)).map(({ status }) => status)
      expect(statuses.filter((status) => status === 503).length).toBeGreaterThan(0)
      expect(new Set(statuses)).toEqual(new Set([200, 503]))
    })
  })
})
