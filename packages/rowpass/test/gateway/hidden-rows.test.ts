/**
 * What a token holder could learn of rows that the policies hide: from plans, statistics, sizes, places on disk, counts,
 * messages. Each is stopped, or SECURITY.md names it and a test here shows how far it goes.
 */
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { startTestGateway, type TestGateway, waitUntil } from '../support/gateway.ts'
import { createTestDatabase, describePg, postgresMajor, type TestDatabase } from '../support/pg.ts'
import { latch, type Scene, startScene } from './scene.ts'
import { startTwins, type Twins } from './twins.ts'

/** Each of these tells of hidden rows where nothing stops it. */
const stopped: readonly (readonly [what: string, sql: string])[] = [
  ['EXPLAIN', 'explain select * from notes'],
  ['EXPLAIN', `explain (analyze, timing off, summary off) select 1 from notes where body < 'b00102'`],
  ['EXPLAIN', `explain (format json) update notes set body = 'x'`],
  ['Reading pg_class', `select reltuples from pg_class where relname = 'notes'`],
  ['Reading pg_class', `select * from pg_catalog.pg_class where oid = 'notes'::regclass`],
  ['Reading pg_class', `select c::text from pg_class c where c.oid = 'notes'::regclass`],
  ['Reading pg_class', `select row_to_json(c) from pg_class c where c.oid = 'notes'::regclass`],
  ['Reading pg_class', `select relpages from pg_class natural join (values ('notes'::name)) as v (relname)`],
  ['Reading pg_class', `with c as (table pg_class) select to_jsonb(c) from c where c.relname = 'notes'`],
  ['Reading pg_class', `select relpages(c) from pg_class c where oid = 'notes'::regclass`],
  ['Reading pg_stat_user_tables', `select n_live_tup from pg_stat_user_tables where relname = 'notes'`],
  ['Reading pg_stat_all_tables', `select n_tup_ins from pg_stat_all_tables where relname = 'notes'`],
  [
    'Reading pg_statio_user_tables',
    `select heap_blks_hit + heap_blks_read from pg_statio_user_tables where relname = 'notes'`,
  ],
  ['pg_stat_get_live_tuples()', `select pg_stat_get_live_tuples('notes'::regclass)`],
  ['pg_stat_get_tuples_inserted()', `select pg_catalog.pg_stat_get_tuples_inserted('notes'::regclass)`],
  ['pg_relation_size()', `select pg_relation_size('notes')`],
  ['pg_table_size()', `select pg_table_size('notes')`],
  ['pg_indexes_size()', `select pg_indexes_size('notes')`],
  ['pg_total_relation_size()', `select pg_total_relation_size('notes')`],
  ['pg_database_size()', 'select pg_database_size(current_database())'],
  ['The name ctid', 'select ctid from notes'],
  ['The name ctid', 'select n.ctid::text from notes as n'],
  ['The name ctid', 'select public.notes.ctid from public.notes'],
  ['The name ctid', 'select (n).ctid from notes as n'],
  ['The name ctid', 'select ctid(n) from notes as n'],
  ['The name ctid', 'select n."ctid" from notes as n'],
  ['The name ctid', 'select U&"ct\\0069d" from notes'],
  ['The name ctid', `insert into notes (id, body) values (21, '21') returning ctid`],
  ['The name ctid', `update notes set body = '1' where id = 20 returning ctid`],
  ['The name ctid', `delete from notes where ctid > '(1,0)'`],
  ['The name ctid', `select id from notes where ctid > '(1,0)'`],
  ['The name xmax', 'select xmax <> 0 from products'],
  ['The name xmax', 'select (p).xmax <> 0 from products as p'],
  ['The name xmax', 'select count(*) from products where xmax(products) <> 0'],
  ['The name cmin', 'select id, cmin from notes order by id'],
  ['The name cmax', 'select id, n.cmax::text from notes n order by id'],
  ['TABLESAMPLE', 'select count(*), sum(id) from notes tablesample bernoulli (50) repeatable (1)'],
]

const notMatchedBySource = `merge into notes using (values (1)) as v (id) on notes.id = v.id
  when not matched by source and notes.id > 18 then delete`

/** Allowed, and the same whatever is hidden: counts of changes, errors of expressions, locks, catalogs. */
const same: readonly string[] = [
  'select id, body from notes order by id',
  `select count(*), min(body), max(body) from notes where body >= 'b'`,
  `select id from notes where owner = 'bob' or id > 100`,
  'select 1 / (length(body) - 6) from notes',
  'select body::int from notes order by id',
  `select count(*) from notes where body < 'c' and body::int > 5`,
  'select (select body from notes where id = 103)',
  'select p.id, exists (select from notes n where n.product = p.id) from products p order by id',
  'select row_number() over (order by id), lag(body) over (order by id) from notes order by id',
  'select id from notes order by id for update skip locked',
  'select id from notes where id in (1, 101) order by id for update nowait',
  'select id, pg_column_size(n.*), tableoid::regclass from notes n order by id',
  `select * from pg_attribute where attrelid = 'notes'::regclass order by attnum`,
  `select seqincrement from pg_sequence where seqrelid = 'notes_id_seq'::regclass`,
  'select * from pg_statistic_ext',
  'select tablename, policyname, qual from pg_policies order by 1, 2',
  `select table_name, table_type from information_schema.tables where table_schema = 'public' order by 1`,
  `update notes set body = body || '1' where body >= 'b' or id > 15`,
  'update notes set product = 1 where id <> 1 returning id, product',
  `delete from notes where owner <> 'ada' or id in (20, 101)`,
  `merge into notes using (values (1), (101)) as v (id) on notes.id = v.id when matched then update set body = '7'`,
  `insert into notes (id, body) values (1, 'x') on conflict (id) do nothing`,
  `insert into notes (id, body) values (1, 'x') on conflict (id) do update set body = excluded.body`,
  `insert into notes (owner, body) values ('bob', 'x')`,
  'insert into bookings values (1, default, $$[1,5)$$), (2, default, $$[5,6)$$)',
  'insert into bookings values (3, default, $$[2,3)$$)',
  ...(postgresMajor() < 17 ? [] : [notMatchedBySource]),
  'select currval($$notes_id_seq$$)',
  'delete from products',
]

/** What SECURITY.md names under "What is not protected": each tells this much and no more. */
const named: readonly (readonly [extent: string, sql: string, few: object, many: object])[] = [
  [
    'a key that is taken',
    `insert into notes (id, body) values (103, '1')`,
    { rowCount: 1 },
    { code: '23505', detail: null, constraint: 'notes_pkey' },
  ],
  ['a key that is taken', 'update notes set id = 104 where id = 1', { rowCount: 1 }, { code: '23505', detail: null }],
  [
    'a key that is taken',
    `insert into notes (id, body) values (105, '1') on conflict do nothing`,
    { rowCount: 1 },
    { rowCount: 0 },
  ],
  [
    'a key that is taken',
    `insert into notes (id, body) values (106, '1') on conflict (id) do update set body = '2'`,
    { rowCount: 1 },
    { code: '42501', detail: null },
  ],
  [
    'a key that is taken',
    `merge into notes using (values (107)) as v (id) on notes.id = v.id
       when matched then delete when not matched then insert (id, body) values (v.id, '1')`,
    { rowCount: 1 },
    { code: '23505', detail: null },
  ],
  [
    'a row that can be referred to',
    'insert into replies (id, note) values (1, 108)',
    { code: '23503', detail: 'Key is not present in table "notes".' },
    { rowCount: 1 },
  ],
  [
    'a row that is referred to',
    'delete from notes where id = 5',
    { rowCount: 1 },
    {
      code: '23503',
      detail: expect.stringMatching(/^Key (\(id\)=\(5\) )?is still referenced from table "replies"\.$/),
    },
  ],
  [
    'a range that is taken',
    `insert into bookings (id, during) values (9, '[109,200)')`,
    { rowCount: 1 },
    { code: '23P01', detail: 'Key conflicts with existing key.' },
  ],
]

describePg('hidden rows', () => {
  describe('in two databases that differ in nothing else', () => {
    let twins: Twins
    beforeAll(async () => {
      twins = await startTwins()
    })
    afterAll(() => twins.close())

    it.each(stopped)('SEC-69 SEC-70 are not in the answer: %s refused in %s', async (what, sql) => {
      const [few, many] = await twins.direct(sql)
      expect(few).toMatch(/^\{/)
      expect(many).not.toBe(few)
      const answers = await twins.answers(sql)
      expect(JSON.parse(answers[0]).body).toMatchObject({
        code: '42501',
        message: expect.stringContaining(`${what} is not allowed with a token`),
        hint: expect.stringMatching(/^statement_refused/),
      })
      expect(answers[1]).toBe(answers[0])
    })

    it('SEC-69 what is told of them is the order of visible rows, where no ORDER BY asks for one', async () => {
      const answers = await twins.answers(`select body from notes where body < '3' limit 2`)
      const [few, many] = answers.map((answer) => JSON.parse(answer).body.rows)
      expect(few).toEqual([{ body: '1' }, { body: '2' }])
      expect(many).toEqual([{ body: '1' }, { body: '10' }])
    })

    it('SEC-69 SEC-70 are in no catalog that may be read', { timeout: 120_000 }, async () => {
      // Catalogs of the whole server change under other tests, and each gateway's sessions have a name of their own.
      const [listed] = await twins.direct(`
        select format('%I.%I', nspname, relname) as name from pg_class join pg_namespace n on n.oid = relnamespace
        where nspname in ('pg_catalog', 'information_schema') and relkind in ('r', 'v') and not relisshared
          and relname !~ 'roles|pg_user|pg_group|pg_shadow' order by 1`)
      const names: string[] = JSON.parse(listed).rows.map(({ name }: { name: string }) => name)
      const refused: string[] = []
      for (const name of names) {
        const [few, many] = await twins.answers(
          `select count(*), md5(string_agg(line, ' ' order by line)) as digest
           from (select replace(replace(t::text, current_database(), ''), current_setting('application_name'), '') as line
                   from ${name} as t) as lines`,
        )
        expect([name, many]).toEqual([name, few])
        if (JSON.parse(few).status !== 200) refused.push(name)
      }
      expect(names.length - refused.length).toBeGreaterThan(90)
      expect(refused).toEqual(
        expect.arrayContaining(['pg_catalog.pg_class', 'pg_catalog.pg_stats', 'pg_catalog.pg_sequences']),
      )
    })

    it.each(same)('SEC-70 are not in the answer to %s', async (sql) => {
      const [few, many] = await twins.answers(sql)
      expect(many).toBe(few)
    })

    it('SEC-69 are not read by a condition behind ON CONFLICT', async () => {
      const upsert = `insert into notes (id, body) values (101, '1') on conflict (id) do update set body = '2' where`
      const ask = async (where: string) => (await twins.answers(`${upsert} ${where}`))[1]
      const answer = await ask('true')
      expect(JSON.parse(answer).body.code).toBe('42501')
      for (const where of ['false', `notes.body > ''`, `notes.body = ''`, 'notes.body::int = 1'])
        expect(await ask(where)).toBe(answer)
    })

    it.each(named)('SEC-69 what is told of them is %s: %s', async (_, sql, few, many) => {
      const answers = await twins.answers(sql)
      expect(JSON.parse(answers[0]).body).toMatchObject(few)
      expect(JSON.parse(answers[1]).body).toMatchObject(many)
    })
  })

  describe('in the demo, as David, who sees himself alone', () => {
    const neon = 'f330c503-5e9c-46a7-8393-2995aeb03675'
    const david = '2e7e25e8-5445-40bd-8f89-dc19bba64faa'
    let database: TestDatabase
    beforeAll(async () => {
      database = await createTestDatabase()
    })
    afterAll(() => database.close())

    async function withGateway<T>(settings: Record<string, string>, use: (gateway: TestGateway) => Promise<T>) {
      const gateway = await startTestGateway(database, settings)
      return use(gateway).finally(() => gateway.close())
    }

    /** Addresses that begin with m: the condition on the index counts rows before the policy hides them. */
    async function readAddresses(gateway: TestGateway): Promise<string[]> {
      const token = await gateway.issuer.token(david, { tenant_id: neon, role: 'member' })
      const count = async (from: string, to: string) => {
        const query = `explain (analyze, timing off, costs off)
          select 1 from users where tenant_id = '${neon}' and email >= '${from}' and email < '${to}'`
        const { body } = await gateway.sql(token, query)
        const plan = (body.rows ?? []).map((row: Record<string, string>) => row['QUERY PLAN']).join('\n')
        return Number(/Rows Removed by Filter: (\d+)/.exec(plan)?.[1] ?? 0)
      }
      const found: string[] = []
      for (const prefixes = ['m']; prefixes.length > 0; ) {
        const prefix = prefixes.pop() as string
        if ((await count(prefix, `${prefix}!`)) > 0) found.push(prefix)
        for (const letter of 'abcdefghijklmnopqrstuvwxyz@.') {
          if ((await count(`${prefix}${letter}`, `${prefix}${letter}~`)) > 0) prefixes.push(prefix + letter)
        }
      }
      return found
    }

    it('SEC-68 bisection by EXPLAIN reads no address', async () => {
      expect(await withGateway({}, readAddresses)).toEqual([])
    })

    it('SEC-68 with ROWPASS_ALLOW_EXPLAIN it reads the address of a hidden row, and the log warns of it', async () => {
      await withGateway({ ROWPASS_ALLOW_EXPLAIN: 'true' }, async (gateway) => {
        expect(gateway.events[0]).toEqual({
          type: 'explain_allowed',
          remedy: 'unset ROWPASS_ALLOW_EXPLAIN; see SECURITY.md',
        })
        expect(await readAddresses(gateway)).toEqual(['mei@neon.example'])
      })
    })
  })

  // An extension that Debian's server has, and the embedded one has not.
  if (inject('extensions').includes('postgis')) {
    describe('in statistics and indexes of PostGIS', () => {
      let twins: Twins
      beforeAll(async () => {
        twins = await startTwins(`
          create extension postgis;
          create table places (id int primary key, owner text not null, at geometry not null);
          create index on places using gist (at);
          alter table places enable row level security;
          create policy places_own on places to authenticated using (owner = (select auth.user_id()));
          grant select on places to authenticated;`)
        await twins.asSuperuser(`
          insert into places values (1, 'ada', 'POINT(1 1)');
          insert into places select n, 'bob', st_point(body.far, n) from generate_series(2, 50) n,
            (select count(*)::float as far from notes) as body;
          analyze places`)
      })
      afterAll(() => twins.close())

      it.each([
        ['st_estimatedextent()', `select ST_EstimatedExtent('places', 'at')::text`],
        ['st_estimatedextent()', `select public.ST_EstimatedExtent('public', 'places', 'at')::text`],
        ['_postgis_stats()', `select _postgis_stats('places', 'at')`],
        ['_postgis_index_extent()', `select _postgis_index_extent('places', 'at')::text`],
        [
          '_postgis_selectivity()',
          `select _postgis_selectivity('places', 'at', 'POLYGON((50 0, 50 99, 9999 99, 9999 0, 50 0))')`,
        ],
      ])('SEC-69 are not in the answer: %s refused in %s', async (what, sql) => {
        const [few, many] = await twins.direct(sql)
        expect(few).toMatch(/^\{/)
        expect(many).not.toBe(few)
        const answers = await twins.answers(sql)
        expect(JSON.parse(answers[0]).body.message).toContain(`${what} is not allowed with a token`)
        expect(answers[1]).toBe(answers[0])
      })

      it('SEC-70 are not in the answer of what PostGIS does with visible rows', async () => {
        const [few, many] = await twins.answers(
          `select ST_Extent(at)::text, count(*) from places where at && 'POLYGON((0 0, 0 99, 9999 99, 9999 0, 0 0))'`,
        )
        expect(JSON.parse(few).body.rows).toEqual([{ st_extent: 'BOX(1 1,1 1)', count: '1' }])
        expect(many).toBe(few)
      })
    })
  }

  describe('that change meanwhile', () => {
    const notices = `
      create function shout() returns text language plpgsql volatile as $$
        begin raise notice 'a notice of the owner'; raise warning 'a warning'; return 'done'; end $$;
      grant execute on function shout() to authenticated;`
    let scene: Scene
    let bob: pg.Client
    beforeAll(async () => {
      scene = await startScene({ ROWPASS_LOCK_TIMEOUT_MS: '700' }, latch + notices)
      // Past every policy: what somebody else writes in their own transaction.
      bob = new pg.Client(scene.database.superuserUrl)
      await bob.connect()
    })
    afterAll(async () => {
      await bob.end()
      await scene.close()
    })

    const untilBlocked = () =>
      waitUntil(async () => {
        const waiting = `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`
        return (await scene.asSuperuser(waiting)).length > 0
      })

    it.each([
      ['update notes set body = $1 returning owner, body', ['mine']],
      ['delete from notes returning owner, body', []],
      ['select owner, body from notes for update', []],
    ])('SEC-70 a row that becomes hidden while a statement waits for it is not given: %s', async (sql, params) => {
      await bob.query(`begin; update notes set owner = 'bob', body = 'of bob now' where owner = 'ada'`)
      const answer = scene.gateway.sql(scene.ada, sql, params)
      await untilBlocked()
      await bob.query('commit')
      expect((await answer).body).toMatchObject({ rows: [], rowCount: 0 })
      await bob.query(`update notes set owner = 'ada', body = 'of ada' where body = 'of bob now'`)
    })

    it('SEC-70 locks on hidden rows neither stop nor show a statement', async () => {
      await bob.query(`begin; select from notes where owner = 'bob' for update`)
      const sql = 'select owner from notes for update nowait'
      expect((await scene.gateway.sql(scene.ada, sql)).body.rows).toEqual([{ owner: 'ada' }])
      await bob.query('rollback')
    })

    it('SEC-69 what is told of a hidden row that is being written is that its key is, by a wait', async () => {
      await bob.query(`begin; insert into notes (owner, body) values ('bob', 'only one')`)
      const insert = `insert into notes (body) values ('only one')`
      expect((await scene.gateway.sql(scene.ada, insert)).body).toMatchObject({ code: '55P03', detail: null })
      await bob.query('rollback')
    })

    it('SEC-69 what is told under SERIALIZABLE is that somebody wrote to the same table meanwhile', async () => {
      const holder = new pg.Client(scene.database.superuserUrl)
      await holder.connect()
      await holder.query('select pg_advisory_lock(815)')
      const batch = ['select count(*) from notes', 'select wait()', `insert into notes (body) values ('serial')`]
      const answer = scene.gateway.batch(scene.ada, batch, { 'neon-batch-isolation-level': 'Serializable' })
      await untilBlocked()
      await bob.query('begin isolation level serializable; select count(*) from notes')
      await bob.query(`insert into notes (owner, body) values ('bob', 'hidden'); commit`)
      await holder.end()
      expect((await answer).body).toMatchObject({ code: '40001' })
    })

    it('SEC-69 what a shared sequence tells is how many numbers were drawn, and pg_current_snapshot() how many wrote', async () => {
      const numberOf = async (body: string) => {
        const { body: answer } = await scene.gateway.batch(scene.ada, [
          `insert into notes (body) values ('${body}') returning id`,
          'select pg_snapshot_xmax(pg_current_snapshot())::text as transactions',
        ])
        return answer.results.map(({ rows }: { rows: object[] }) => Number(Object.values(rows[0]!)[0]))
      }
      const before = await numberOf('first')
      for (const body of ['a', 'b', 'c']) await bob.query(`insert into notes (owner, body) values ('bob', $1)`, [body])
      const after = await numberOf('second')
      expect(after[0] - before[0]).toBe(4)
      expect(after[1] - before[1]).toBeGreaterThanOrEqual(4)
    })

    it('SEC-69 notices, plans of auto_explain among them, reach nobody', async () => {
      const login = `alter role rowpass_gateway in database ${scene.database.name} set`
      await scene.asSuperuser(`
        ${login} session_preload_libraries = 'auto_explain'; ${login} auto_explain.log_min_duration = 0;
        ${login} auto_explain.log_analyze = on; ${login} auto_explain.log_level = 'notice';
        ${login} client_min_messages = 'debug1'`)
      const heard: string[] = []
      const login2 = new pg.Client(scene.database.gatewayUrl)
      login2.on('notice', ({ message }) => heard.push(message ?? ''))
      await login2.connect()
      await login2.query('select count(*) from pg_type')
      await login2.end()
      expect(heard.join()).toMatch(/Query Text: select count.*Scan/s)

      const gateway = await startTestGateway(scene.database)
      const ada = await gateway.issuer.token('ada')
      const { status, body, headers } = await gateway.sql(ada, 'select shout()')
      expect({ status, body }).toEqual({
        status: 200,
        body: {
          command: 'SELECT',
          rowCount: 1,
          rows: [{ shout: 'done' }],
          rowAsArray: false,
          fields: [expect.objectContaining({ name: 'shout' })],
        },
      })
      expect(JSON.stringify([...headers])).not.toMatch(/notice|warning|plan/i)
      await gateway.close()
    })
  })
})
