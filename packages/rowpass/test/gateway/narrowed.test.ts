/**
 * Tokens that are narrowed: what they allow, and every way to more of which we know. The person may use all of these tables;
 * what is refused here is refused to the agent alone.
 */
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type SqlAnswer, startTestGateway } from '../support/gateway.ts'
import { describePg } from '../support/pg.ts'
import { type Scene, startScene } from './scene.ts'

/** In every table that is not `notes`. */
const canary = 'canary-out-of-scope'

const setUp = `
  create table letters (id int primary key, owner text default 'ada', body text);
  insert into letters values (1, 'ada', '${canary}');
  create table "Nötes" (id int primary key, body text);
  insert into "Nötes" values (1, '${canary}');
  create schema other;
  create table other.notes (id int, owner text, body text);
  insert into other.notes values (1, 'ada', '${canary}');
  create table other.things (id int primary key, body text);
  insert into other.things values (1, 'a thing');
  grant usage on schema other to authenticated;
  create view letters_view as select * from letters;
  create table copies (id int, body text);
  grant select, insert, update, delete on letters, "Nötes", letters_view, copies, other.notes, other.things to authenticated;
  create function read_letter() returns text language sql stable security definer as $$select body from letters$$;
  create function read_loudly() returns text language sql volatile as $$select body from letters$$;
  create function letter_of(notes) returns text language sql stable as $$select body from letters$$;
  create function eq_letter(int, text) returns boolean language sql stable as $$select body = $2 from letters$$;
  create operator === (leftarg = int, rightarg = text, function = eq_letter);
  create function write_copy() returns int language sql volatile as $$insert into copies values (1, 'x') returning 1$$;
  create function lies() returns int language plpgsql stable as $$begin return write_copy(); end$$;
  create function add_letter(int, int) returns int language sql stable return $1 + (select count(*)::int from letters);
  create aggregate sum_letters(int) (sfunc = add_letter, stype = int, initcond = '0');
  grant execute on all functions in schema public to authenticated;
  create sequence numbers;
  grant usage on numbers to authenticated;
`

describePg('a narrowed token', () => {
  let scene: Scene
  /** A token of ada for an agent. */
  const narrowed = (scope: string | undefined, act: unknown = { sub: 'agent' }): Promise<string> =>
    // A tenant each: what new statements cost counts against it.
    scene.gateway.issuer.token('ada', { act, tenant_id: randomUUID(), ...(scope === undefined ? {} : { scope }) }, 300)
  const ask = async (scope: string | undefined, sql: string, params: unknown[] = []): Promise<SqlAnswer> =>
    scene.gateway.sql(await narrowed(scope), sql, params)

  beforeAll(async () => {
    scene = await startScene({}, setUp)
  })
  afterAll(() => scene.close())

  function refusedBy({ status, body }: SqlAnswer, hint = 'scope_refused'): void {
    expect([status, body.hint?.split(':')[0]]).toEqual([400, hint])
    expect(JSON.stringify(body)).not.toContain(canary)
  }

  it.each([
    ['sql:read', 'select body from notes'],
    ['sql:read', 'select body from public.notes where id = any(array[1, 2]) order by lower(body)'],
    ['sql:read', 'with n as (select * from notes) select body from n'],
    ['sql:read table:notes', 'select body from notes'],
    ['sql:read table:notes', 'select n.body, count(*) over () from public.notes as n where n.body is not null'],
    ['sql:read table:public.notes', 'select body from notes'],
    ['sql:read table:public.notes', 'select body from public.notes'],
    [
      'sql:read table:public.notes:select',
      'with recursive n as (select body from public.notes) select * from n, n as m',
    ],
    ['sql:write', 'select body from notes for update'],
    ['sql:write table:notes', 'select body from notes for update'],
    ['sql:write rows:1', `update notes set body = 'of ada' returning body`],
  ])('SEC-82 with %s runs %s', async (scope, sql) => {
    const { status, body } = await ask(scope, sql)
    expect([status, body.rows?.length, body.message]).toEqual([200, 1, undefined])
    expect(body.rows[0].body).toBe('of ada')
  })

  it.each([
    ['sql:read table:letters_view', 'select body from letters_view'],
    ['sql:read table:N%C3%B6tes', 'select body from "Nötes"'],
    ['sql:read table:other.notes', 'select body from other.notes'],
  ])('with %s reads exactly that', async (scope, sql) => {
    expect((await ask(scope, sql)).body).toMatchObject({ rows: [{ body: canary }] })
  })

  it('without act and scopes of ours it is a token as any other', async () => {
    for (const claims of [{}, { scope: 'openid profile' }, { scope: '' }]) {
      const token = await scene.gateway.issuer.token('ada', claims)
      expect((await scene.gateway.sql(token, 'select body from letters')).status).toBe(200)
    }
  })

  it.each([
    [undefined, 'select 1'],
    ['openid profile', 'select 1'],
    ['table:notes', 'select body from notes'],
    ['rows:5', 'select 1'],
    [undefined, ''],
  ])('SEC-82 with act and the scope %s nothing runs, not %j', async (scope, sql) => {
    refusedBy(await ask(scope, sql))
  })

  it('SEC-82 scopes narrow without act too', async () => {
    const token = await scene.gateway.issuer.token('ada', { scope: 'openid sql:read table:notes' })
    expect((await scene.gateway.sql(token, 'select body from notes')).status).toBe(200)
    refusedBy(await scene.gateway.sql(token, 'select body from letters'))
  })

  it.each([
    ['sql:rea'],
    ['sql:'],
    ['SQL:read sql:x'],
    ['sql:read table:'],
    ['sql:read table:a.b.c'],
    ['sql:read table:notes:'],
    ['sql:read table:notes:select,'],
    ['sql:read table:notes:truncate'],
    ['sql:read table:notes:select:update'],
    ['sql:read table:%zz'],
    ['sql:read table:%00'],
    [`sql:read table:${'n'.repeat(64)}`],
    ['sql:read rows:0'],
    ['sql:read rows:1e3'],
    ['sql:read rows:99999999999'],
  ])('SEC-82 with the scope %s, which is none of ours, the whole token is refused', async (scope) => {
    refusedBy(await ask(scope, 'select body from notes'), 'token_invalid')
  })

  it.each([[null], ['agent'], [{}], [{ sub: '' }], [{ sub: 7 }], [{ sub: 'x'.repeat(256) }], [[]]])(
    'SEC-82 with act %j the whole token is refused',
    async (act) => {
      refusedBy(await scene.gateway.sql(await narrowed('sql:read', act), 'select 1'), 'token_invalid')
    },
  )

  it('SEC-82 the agent is the outer one of those that act', async () => {
    const token = await narrowed('sql:read', { sub: 'outer', act: { sub: 'inner' } })
    expect((await scene.gateway.sql(token, 'select 1')).status).toBe(200)
  })

  it.each([
    `insert into notes (body) values ('w')`,
    `update notes set body = body`,
    `delete from notes`,
    `merge into notes using (values (1)) v (id) on notes.id = v.id when matched then do nothing`,
    `with w as (insert into notes (body) values ('w') returning 1) select * from w`,
    `with w as (update notes set body = body returning 1) select * from w`,
    `with w as (delete from notes) select 1`,
    `select body from notes for update`,
    `select body from notes for no key update`,
    `select body from notes for share`,
    `select body from (select * from notes for key share) n`,
    `select nextval('numbers')`,
    `select write_copy()`,
    `select 1 where write_copy() = 1`,
  ])('SEC-82 a token that reads does not run %s', async (sql) => {
    refusedBy(await ask('sql:read', sql))
    const token = await narrowed('sql:read')
    refusedBy(await scene.gateway.batch(token, ['select 1', sql], { 'neon-batch-read-only': 'false' }))
    expect(await scene.asOwner('select * from copies')).toEqual([])
  })

  it('SEC-82 PostgreSQL itself refuses what a token that reads would write', async () => {
    const token = await narrowed('sql:read')
    expect((await scene.gateway.sql(token, 'select lies()')).body.code).toBe('25006')
    expect((await scene.gateway.batch(token, ['select lies()'])).body.code).toBe('25006')
    const settled = `select current_setting('transaction_read_only') as "on"`
    expect((await scene.gateway.sql(token, settled)).body.rows).toEqual([{ on: 'on' }])
    expect((await scene.gateway.sql(scene.ada, settled)).body.rows).toEqual([{ on: 'off' }])
    expect(await scene.asOwner('select * from copies')).toEqual([])
  })

  it.each([
    ['a table that is not named', 'select body from letters'],
    ['one beside it', 'select l.body from notes, letters l'],
    ['one in a sub-select', 'select (select body from letters)'],
    ['one in EXISTS', `select 1 where exists (select from letters where body like 'c%')`],
    ['one in UNION', 'select body from notes union all select body from letters'],
    ['TABLE', 'table letters'],
    ['one in LATERAL', 'select x.body from notes, lateral (select body from letters) x'],
    ['one in ORDER BY', 'select 1 order by (select body from letters)'],
    ['one in LIMIT', 'select 1 limit (select count(*) from letters)'],
    ['a query of WITH that reads it', 'with notes as (select * from letters) select * from notes'],
    ['a query of WITH by its own name', 'with letters as (select * from letters) select * from letters'],
    [
      'a query of WITH before the one with the name',
      'with a as (select * from letters), letters as (select 1) select * from a',
    ],
    ['a name of WITH that is over', 'select * from (with letters as (select 1) select * from letters) x, letters'],
    ['a qualified name beside a query of WITH', 'with letters as (select 1) select * from public.letters'],
    ['the target behind a query of WITH', 'with letters as (select 1) delete from letters'],
    ['a view', 'select body from letters_view'],
    ['a table of the same name in another schema', 'select body from other.notes'],
    ['another spelling', 'select body from "Notes"'],
    ['another letter', 'select body from "Nötes"'],
    ['an escaped name', 'select body from U&"l\\0065tters"'],
    ['a catalog', 'select * from pg_catalog.pg_proc'],
    ['a catalog by its bare name', 'select prosrc from pg_proc'],
    ['the information schema', 'select * from information_schema.tables'],
    ['a function of the owner', 'select read_letter()'],
    ['a function of the owner in FROM', 'select * from public.read_letter()'],
    ['a function that writes', 'select read_loudly()'],
    ['a function as an attribute', 'select n.letter_of from notes n'],
    ['a function as a field', 'select (n).letter_of from notes n'],
    ['an operator of the owner', `select id === 'x' from notes`],
    ['an aggregate of the owner', 'select sum_letters(id) from notes'],
    ['a function that is not there', 'select no_such_function()'],
    ['a sequence', `select nextval('numbers')`],
    ['a setting', 'show search_path'],
  ])('SEC-82 a token of one table does not reach %s', async (_, sql) => {
    refusedBy(await ask('sql:read table:public.notes', sql))
    const token = await narrowed('sql:write table:notes')
    refusedBy(await scene.gateway.batch(token, [`insert into notes (body) values ('not kept')`, sql]))
    expect(await scene.asOwner(`select from copies`)).toEqual([])
  })

  it.each([
    ['select', `insert into notes (body) values ('w')`],
    ['select', `update notes set body = body`],
    ['select', `delete from notes`],
    ['select', `select body from notes for update`],
    ['select', `select body from (select * from notes) n for share`],
    ['insert', `select body from notes`],
    ['insert', `insert into notes (body) select body from notes`],
    ['insert', `insert into notes (body) values ('w') returning id`],
    ['insert', `insert into notes (body) values ('w') on conflict (body) do nothing`],
    ['select,insert', `insert into notes (body) values ('w') on conflict (body) do update set body = 'v'`],
    ['update', `update notes set body = 'w' where body = 'of ada'`],
    ['delete', `delete from notes where body = 'of ada'`],
    ['select,delete', `update notes set body = 'w'`],
    ['select,update', `delete from notes`],
    [
      'select,update',
      `merge into notes using (values (1)) v (id) on notes.id = v.id when matched then delete
        when not matched then do nothing`,
    ],
    ['select,insert,delete', `with w as (update notes set body = 'w') select 1`],
  ])('SEC-82 with notes:%s does not run %s', async (commands, sql) => {
    refusedBy(await ask(`sql:write table:notes:${commands}`, sql))
    refusedBy(await ask(`sql:write table:public.notes:${commands}`, sql))
  })

  it('SEC-82 a bare name is what PostgreSQL takes it for, under whichever search_path', async () => {
    const path = `do $$begin execute format('alter database %I set search_path = other, public', current_database()); end$$;`
    const elsewhere = await startScene({}, setUp + path)
    const answer = async (scope: string, sql: string): Promise<SqlAnswer> =>
      elsewhere.gateway.sql(await elsewhere.gateway.issuer.token('ada', { act: { sub: 'agent' }, scope }), sql)
    try {
      refusedBy(await answer('sql:read table:public.notes', 'select body from notes'))
      refusedBy(await answer('sql:read table:notes', 'select body from public.notes'))
      refusedBy(await answer('sql:read table:public.notes', 'select body from notes n join other.things using (id)'))
      for (const [scope, sql] of [
        ['sql:read table:other.notes', 'select body from notes'],
        ['sql:read table:notes', 'select body from other.notes'],
        ['sql:read table:notes', 'select body from notes'],
        ['sql:read table:public.notes table:other.notes', 'select body from notes'],
      ] as const) {
        expect((await answer(scope, sql)).body.rows).toEqual([{ body: canary }])
      }
      const own = await answer('sql:read table:public.notes', 'select body from public.notes')
      expect(own.body.rows).toEqual([{ body: 'of ada' }])
    } finally {
      await elsewhere.close()
    }
  })

  it('SEC-82 a name that stands for nothing is no name of a table that may be used', async () => {
    refusedBy(await ask('sql:read table:other.things', 'select body from things'))
    refusedBy(await ask('sql:read table:nowhere', 'select body from public.nowhere'))
    expect((await ask('sql:read table:nowhere', 'select body from nowhere')).body.code).toBe('42P01')
  })

  it('SEC-82 what was judged or prepared for one token is not run for the other', async () => {
    const narrow = await narrowed('sql:read table:letters')
    for (let n = 0; n < 4; n++) {
      expect((await scene.gateway.sql(scene.ada, 'select body from notes')).status).toBe(200)
      refusedBy(await scene.gateway.sql(narrow, 'select body from notes'))
      refusedBy(await scene.gateway.sql(narrow, `select body from notes where id = ${n}`))
      expect((await scene.gateway.sql(scene.ada, `select body from notes where id = ${n}`)).status).toBe(200)
      refusedBy(await scene.gateway.sql(narrow, `update letters set body = '${n}'`))
      expect((await scene.gateway.sql(scene.ada, `update letters set id = 1 where id = ${n + 50}`)).status).toBe(200)
      expect((await scene.gateway.sql(narrow, 'select id from letters')).body.rows).toEqual([{ id: '1' }])
    }
  })

  it('SEC-82 policies read who acts and what for, by the whole seal and by its ticket', async () => {
    const token = await narrowed('openid sql:read table:notes', { sub: 'outer', act: { sub: 'inner' } })
    const wide = await narrowed('sql:write')
    const read = `select auth.actor() as actor, auth.has_scope('sql:read') as reads, auth.has_scope('sql:write') as writes,
      auth.has_scope('sql') as part, auth.has_scope('sql:read table:notes') as two, auth.has_scope('') as none`
    const all = { actor: 'agent', reads: 'f', writes: 't', part: 'f', two: 'f', none: 'f' }
    for (let n = 0; n < 6; n++) {
      expect((await scene.gateway.sql(wide, read)).body.rows).toEqual([all])
      expect((await scene.gateway.sql(scene.ada, read)).body.rows).toEqual([{ ...all, actor: null, writes: 'f' }])
    }
    await scene.asOwner(
      `create policy no_agents on notes as restrictive for delete using ((select auth.actor()) is null)`,
    )
    const { body } = await scene.gateway.sql(wide, 'delete from notes')
    expect([body.rowCount, (await ask('sql:read table:notes', 'select body from notes')).body.rows.length]).toEqual([
      0, 1,
    ])
    refusedBy(await scene.gateway.sql(token, read))
  })

  it('SEC-67 the log names the person, the agent, and the tables of what has succeeded', async () => {
    const at = scene.gateway.events.length
    await ask('sql:read table:public.notes', 'with n as (select body from notes) select * from n')
    await ask('sql:read', `select * from "canary of the client"`)
    await scene.gateway.sql(scene.ada, 'select 1')
    const lines = scene.gateway.events.slice(at).filter((event) => event.type === 'sql_answered')
    expect(lines).toMatchObject([
      { sub: 'ada', actor: 'agent', tables: ['select notes'], rows: 1, outcome: 'ok' },
      { sub: 'ada', actor: 'agent', rows: 0, outcome: 'postgres' },
      { sub: 'ada', outcome: 'ok' },
    ])
    expect(JSON.stringify(lines)).not.toContain('canary')
    expect(lines[2]).not.toHaveProperty('actor')
    expect(lines[2]).not.toHaveProperty('tables')
  })

  it('SEC-82 many tokens of one person at once each have their own limits', async () => {
    const scopes = ['sql:read table:notes', 'sql:read table:letters', 'sql:read', 'sql:write']
    const tokens = await Promise.all(scopes.map((scope) => narrowed(scope)))
    const readOnly = `select current_setting('transaction_read_only') as "on", (select count(*) from notes) as n`
    const rounds = Array.from({ length: 20 }, async () => {
      const answers = await Promise.all(tokens.map((token) => scene.gateway.sql(token, readOnly)))
      const [ofNotes, ofLetters, ofReading, ofWriting] = answers.map(({ body }) => body.rows?.[0]?.on ?? body.hint)
      expect([ofNotes, ofReading, ofWriting]).toEqual(['on', 'on', 'off'])
      expect(ofLetters).toContain('scope_refused')
    })
    await Promise.all(rounds)
  })

  it('SEC-82 the claims of another token are no claims of this one', async () => {
    const token = await narrowed('sql:read table:notes')
    const wide = scene.ada
    const [header, , signature] = token.split('.')
    refusedBy(await scene.gateway.sql([header, wide.split('.')[1], signature].join('.'), 'select 1'), 'token_invalid')
    const claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString())
    const edited = Buffer.from(JSON.stringify({ ...claims, scope: 'sql:write' })).toString('base64url')
    refusedBy(await scene.gateway.sql([header, edited, signature].join('.'), 'select 1'), 'token_invalid')
  })

  it('SEC-82 a result has no more rows than the token allows, and a change changes no more', async () => {
    await scene.asOwner(`insert into copies select n, 'x' from generate_series(1, 20) n`)
    const token = await narrowed('sql:write rows:10')
    const count = async () => (await scene.asOwner('select count(*)::int as n from copies'))[0]?.n
    refusedBy(await scene.gateway.sql(token, 'select * from copies'), 'rows_exceeded')
    refusedBy(await scene.gateway.sql(token, 'delete from copies'), 'rows_exceeded')
    refusedBy(await scene.gateway.sql(token, 'delete from copies returning id'), 'rows_exceeded')
    refusedBy(await scene.gateway.sql(token, 'insert into copies select * from copies'), 'rows_exceeded')
    refusedBy(
      await scene.gateway.batch(token, ['delete from copies where id < 8', 'delete from copies where id < 16']),
      'rows_exceeded',
    )
    expect(await count()).toBe(20)
    expect((await scene.gateway.sql(token, 'delete from copies where id <= 10')).body.rowCount).toBe(10)
    expect(await count()).toBe(10)
    expect((await scene.gateway.sql(token, 'select * from copies')).body.rows).toHaveLength(10)
    expect((await scene.gateway.sql(token, 'delete from nowhere')).body.code).toBe('42P01')
    expect((await scene.gateway.sql(token, 'select id from copies limit 1')).status).toBe(200)
    expect((await scene.gateway.batch(token, ['delete from copies', 'select 1/0'])).body.code).toBe('22012')
    expect(await count()).toBe(10)
  })
})

describePg('scopes of another issuer', () => {
  it('SEC-82 are mapped by its configuration, and not looked at without it', async () => {
    const scene = await startScene({}, setUp)
    const mapped = await startTestGateway(
      scene.database,
      {},
      {
        scope_claim: 'scp',
        scopes: { 'db.read': 'sql:read table:notes', 'db.write': 'sql:write', 'table:foreign': '', '': 'sql:read' },
      },
    )
    const answer = async (claims: object, sql: string): Promise<string> => {
      const token = await mapped.issuer.token('ada', { ...claims })
      const { body } = await mapped.sql(token, sql)
      return body.hint?.split(':')[0] ?? 'ok'
    }
    try {
      expect(await answer({ scp: 'db.read' }, 'select body from notes')).toBe('ok')
      expect(await answer({ scp: ['db.read', 'openid'] }, 'select body from letters')).toBe('scope_refused')
      expect(await answer({ scp: 'db.write' }, `update letters set body = body`)).toBe('ok')
      expect(await answer({ scp: 'sql:read' }, `update letters set body = body`)).toBe('scope_refused')
      expect(await answer({ scp: 'openid' }, `update letters set body = body`)).toBe('ok')
      expect(await answer({ scp: 'table:foreign' }, `update letters set body = body`)).toBe('ok')
      expect(await answer({ scope: 'sql:read' }, `update letters set body = body`)).toBe('ok')
      expect(await answer({ act: { sub: 'a' } }, `select body from letters`)).toBe('ok')
      expect(await answer({ act: { sub: 'a' } }, `update letters set body = body`)).toBe('scope_refused')
      expect(await answer({ scp: 7 }, 'select 1')).toBe('token_invalid')
    } finally {
      await mapped.close()
      await scene.close()
    }
  })
})
