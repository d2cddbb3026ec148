import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createClassifier } from '../../src/statement/classify.ts'
import { asksPoliciesFirst, parseFunctionFacts } from '../../src/statement/facts.ts'
import { loadParser } from '../../src/statement/parser.ts'
import { describePg, postgresMajor } from '../support/pg.ts'
import { type JudgedDatabase, judgeDatabase } from './judge-database.ts'

/** Texts that PostgreSQL does not understand: a refusal of one of them would prove nothing. */
const notUnderstood = ['42601', '42883', '42P01', '42703', '42846']

describePg('refusals', () => {
  let judged: JudgedDatabase

  beforeAll(async () => {
    judged = await judgeDatabase({
      setUp: `create extension if not exists dblink; create extension if not exists tablefunc;
        create extension if not exists pg_stat_statements;
        create extension pgstattuple; create extension pageinspect; create extension pgrowlocks; create extension pg_visibility;
        create extension pg_freespacemap; create extension pg_buffercache;
        create table public.notes (id int primary key, body text, doc xml);
        grant select, insert, update, delete on public.notes to authenticated;
        create sequence public.numbers; grant usage on sequence public.numbers to authenticated;`,
    })
  })
  afterAll(() => judged.close())

  describe('of settings and identity', () => {
    it.each([
      "select set_config('rowpass.claims', '{}', true)",
      "select set_config('role', 'anonymous', false)",
      "select pg_catalog.set_config('statement_timeout', '0', false)",
      "select * from set_config('search_path', 'x', false)",
      "select 1 where set_config('a.b', 'c', true) is not null",
      "select query_to_xml('select set_config(''a.b'', ''c'', false)', true, false, '')",
      "with x as (select set_config('a.b', 'c', false)) select * from x",
      "insert into notes values (1, set_config('a.b', 'c', false))",
      "update notes set body = set_config('a.b', 'c', false)",
      "delete from notes where set_config('a.b', 'c', false) = ''",
      "merge into notes using (values (1)) v (id) on notes.id = v.id when matched and set_config('a.b', 'c', false) = '' then delete",
      "insert into notes values (1) on conflict (id) do update set body = set_config('a.b', 'c', false)",
      "insert into notes values (1) returning set_config('a.b', 'c', false)",
      "select 1 order by set_config('a.b', 'c', false)",
      "select 1 limit length(set_config('a.b', 'c', false))",
      "select count(*) filter (where set_config('a.b', 'c', false) = '') from notes",
      "select sum(1) over (partition by set_config('a.b', 'c', false)) from notes",
      "select sum(1) over w from notes window w as (order by set_config('a.b', 'c', false))",
      "select case when true then set_config('a.b', 'c', false) end",
      "select array[set_config('a.b', 'c', false)]",
      "select (array['x'])[length(set_config('a.b', 'c', false))]",
      "select row(set_config('a.b', 'c', false))",
      "select greatest(set_config('a.b', 'c', false), '')",
      "select xmlelement(name x, xmlattributes(set_config('a.b', 'c', false) as y))",
      "select * from xmltable('/a' passing xmlparse(content set_config('a.b', 'c', false)) columns x int)",
      "select * from notes tablesample system (length(set_config('a.b', 'c', false)))",
      "select * from rows from (set_config('a.b', 'c', false), generate_series(1, 2)) as x",
      "select * from notes, lateral set_config('a.b', body, false)",
      "select * from notes join (select set_config('a.b', 'c', false) as s) x on true",
      "select 1 union select length(set_config('a.b', 'c', false))",
      "values (set_config('a.b', 'c', false))",
      "explain analyze select set_config('a.b', 'c', false)",
      "select set_config(is_local => false, setting_name => 'a.b', new_value => 'c')",
      "select set_config(variadic array['a.b'])",
      "select 1 group by grouping sets ((set_config('a.b', 'c', false)))",
      'select setseed(0.5)',
      "update pg_settings set setting = '0' where name = 'statement_timeout'",
      "update pg_catalog.pg_settings set setting = '0' where name = 'statement_timeout'",
      "with x as (update pg_settings set setting = '0' returning 1) select * from x",
    ])('SEC-37 SEC-44 refuses %s', async (sql) => {
      expect(judged.classify(sql)).toMatchObject({ kind: 'refused' })
      // PostgreSQL has no names for these parameters, and no variadic one.
      if (!/variadic|=>/.test(sql)) expect(notUnderstood).not.toContain(await judged.run(sql))
    })

    it('SEC-44 without the classifier, pg_settings really is a way to set', async () => {
      const sql = "update pg_settings set setting = '0' where name = 'statement_timeout'"
      expect(await judged.run(sql)).toEqual([['0']])
    })

    it.each([
      'reset role',
      'set role authenticated',
      'set session authorization default',
      'reset session authorization',
      'set local role none',
    ])('SEC-38 refuses %s', (sql) => {
      expect(judged.classify(sql)).toMatchObject({ kind: 'refused', what: 'SET or RESET' })
    })

    it.each(['set statement_timeout = 0', 'set local statement_timeout to 0', 'reset all', "set work_mem = '1GB'"])(
      'SEC-44 refuses %s',
      (sql) => {
        expect(judged.classify(sql)).toMatchObject({ kind: 'refused', what: 'SET or RESET' })
      },
    )
  })

  describe('of statements', () => {
    it.each([
      ['alter role authenticated set statement_timeout = 0', 'ALTER ROLE SET'],
      ["alter role rowpass_gateway password 'x'", 'ALTER ROLE'],
      ['alter system set work_mem = 1', 'ALTER SYSTEM'],
      ['alter database postgres set work_mem = 1', 'ALTER DATABASE SET'],
      ['grant authenticated to anonymous', 'GRANT or REVOKE'],
      ['grant all on notes to public', 'GRANT or REVOKE'],
      ['revoke all on notes from public', 'GRANT or REVOKE'],
      ['create role evil superuser', 'CREATE ROLE'],
      ['drop role anonymous', 'DROP ROLE'],
      ['create table x (a int)', 'CREATE TABLE'],
      ['create temp table x (a int)', 'CREATE TABLE'],
      ['create table x as select 1', 'CREATE TABLE AS'],
      ['select 1 as a into temp x', 'SELECT INTO'],
      ['select 1 as a into x from notes', 'SELECT INTO'],
      ['create materialized view x as select 1', 'CREATE TABLE AS'],
      ['refresh materialized view x', 'REFRESH MATERIALIZED VIEW'],
      ['create view x as select 1', 'CREATE VIEW'],
      ['create index on notes (body)', 'CREATE INDEX'],
      ['create function f() returns int language sql return 1', 'CREATE FUNCTION'],
      ['create schema x', 'CREATE SCHEMA'],
      ['create extension dblink', 'CREATE EXTENSION'],
      ['create policy p on notes', 'CREATE POLICY'],
      ['create trigger t before insert on notes execute function f()', 'CREATE TRIGGER'],
      ['create rule r as on insert to notes do nothing', 'CREATE RULE'],
      ['alter table notes disable row level security', 'ALTER TABLE'],
      ['alter table notes rename to x', 'ALTER … RENAME'],
      ['drop table notes', 'DROP'],
      ['truncate notes', 'TRUNCATE'],
      ["comment on table notes is 'x'", 'COMMENT'],
      ["security label on table notes is 'x'", 'SECURITY LABEL'],
      ["copy notes to program 'id'", 'COPY'],
      ["copy notes from program 'id'", 'COPY'],
      ['copy notes to stdout', 'COPY'],
      ["copy (select 1) to '/tmp/x'", 'COPY'],
      ['listen x', 'LISTEN'],
      ['unlisten *', 'UNLISTEN'],
      ["notify x, 'y'", 'NOTIFY'],
      ['lock table notes', 'LOCK'],
      ['vacuum notes', 'VACUUM or ANALYZE'],
      ['analyze notes', 'VACUUM or ANALYZE'],
      ['cluster notes', 'CLUSTER'],
      ['reindex table notes', 'REINDEX'],
      ['checkpoint', 'CHECKPOINT'],
      ["load 'x'", 'LOAD'],
      ['discard all', 'DISCARD'],
      ['prepare x as select 1', 'PREPARE'],
      ['execute envelope', 'EXECUTE'],
      ['deallocate all', 'DEALLOCATE'],
      ['deallocate envelope', 'DEALLOCATE'],
      ['declare c cursor with hold for select 1', 'DECLARE CURSOR'],
      ['fetch all from c', 'FETCH'],
      ['move 1 from c', 'FETCH'],
      ['close all', 'CLOSE'],
      ['call p()', 'CALL'],
      ["do $$ begin perform set_config('a.b', 'c', false); end $$", 'DO'],
      ["do language plpgsql 'begin end'", 'DO'],
      ['begin', 'Transaction control'],
      ['start transaction isolation level serializable', 'Transaction control'],
      ['commit', 'Transaction control'],
      ['commit and chain', 'Transaction control'],
      ['end', 'Transaction control'],
      ['rollback', 'Transaction control'],
      ['abort', 'Transaction control'],
      ['savepoint x', 'Transaction control'],
      ['release x', 'Transaction control'],
      ['rollback to x', 'Transaction control'],
      ["prepare transaction 'x'", 'Transaction control'],
      ["commit prepared 'x'", 'Transaction control'],
      ['set transaction isolation level serializable', 'SET or RESET'],
      ['set constraints all deferred', 'SET CONSTRAINTS'],
      ['update notes set body = null where current of c', 'WHERE CURRENT OF'],
      ['create publication p', 'CREATE PUBLICATION'],
      ['create server s foreign data wrapper f', 'CREATE FOREIGN SERVER'],
      ['reassign owned by authenticated to anonymous', 'REASSIGN OWNED'],
      ['drop owned by authenticated', 'DROP OWNED'],
    ])('SEC-39 SEC-58 SEC-60 refuses %s', (sql, what) => {
      expect(judged.classify(sql)).toMatchObject({ kind: 'refused', what, instead: expect.any(String) })
    })

    it.each([
      'explain select 1',
      'explain (costs off) values (1)',
      'explain analyze delete from notes',
      'explain (analyze, buffers, format json) select * from notes',
      'explain (generic_plan) select * from notes where id = $1',
      'EXPLAIN\tVERBOSE table notes',
      '/* x */ explain -- y\n select 1',
      'explain execute envelope',
    ])('SEC-68 refuses %s', (sql) => {
      expect(judged.classify(sql)).toEqual({
        kind: 'refused',
        what: 'EXPLAIN',
        instead: 'A plan counts rows that the policies hide. Ask "rowpass why", or explain with a login of your own.',
      })
    })

    it('SEC-69 refuses a condition behind ON CONFLICT where PostgreSQL asks it of a hidden row', async () => {
      await judged.superuser.query(`
        create table public.boxes (id int primary key, owner text, body text); insert into boxes values (1, 'bob', 'of bob');
        alter table boxes enable row level security; grant select, insert, update on boxes to authenticated;
        create policy own on boxes to authenticated using (owner = 'ada')`)
      const upsert = `insert into boxes values (1, 'ada') on conflict (id) do update set owner = 'ada'`
      const reads = `${upsert} where boxes.body::int = 1`
      // The first is the cast of what is hidden, with its value in the message; the second the policy.
      expect(await judged.run(reads)).toBe(judged.facts.policiesFirst ? '42501' : '22P02')
      const parser = await loadParser()
      const classify = (policiesFirst: boolean) => createClassifier(parser, { ...judged.facts, policiesFirst })
      const nested = `with w as (${reads} returning id) select * from w`
      for (const sql of [reads, nested, `${upsert} where excluded.body > 'a'`]) {
        expect(classify(true)(sql)).toMatchObject({ kind: 'fast' })
        expect(classify(false)(sql)).toMatchObject({ kind: 'refused', what: 'WHERE of ON CONFLICT DO UPDATE' })
      }
      expect(classify(false)(`${upsert}, body = case when boxes.body > 'a' then 'b' end`)).toMatchObject({
        kind: 'fast',
      })
      expect(await judged.run(`${upsert}, body = boxes.body::int`)).toBe('42501')
    })

    it.each([
      [150_019, false],
      [150_020, true],
      [160_015, false],
      [160_016, true],
      [170_012, true],
      [180_005, false],
      [180_006, true],
      [190_000, false],
      [0, false],
    ])('SEC-69 knows the versions in which the policies come first: %i', (version, expected) => {
      expect(asksPoliciesFirst(version)).toBe(expected)
    })

    it.each([
      'select 1; select 2',
      "select 1; set role none; select set_config('a', 'b', false)",
      'commit; drop table notes',
    ])('SEC-37 refuses several statements in one text, as PostgreSQL does: %s', async (sql) => {
      expect(judged.classify(sql)).toMatchObject({
        kind: 'refused',
        error: { sqlstate: '42601', message: 'cannot insert multiple commands into a prepared statement' },
      })
      await expect(
        judged.gateway.query({ text: sql, values: [], queryMode: 'extended' } as never),
      ).rejects.toMatchObject({
        code: '42601',
        message: 'cannot insert multiple commands into a prepared statement',
      })
    })
  })

  describe('of functions', () => {
    it.each([
      'select pg_terminate_backend(0)',
      'select pg_cancel_backend(0)',
      'select pg_sleep(0)',
      "select pg_sleep_for('0 s')",
      'select pg_sleep_until(now())',
      "select query_to_xml('select 1', true, false, '')",
      "select query_to_xmlschema('select 1', true, false, '')",
      "select query_to_xml_and_xmlschema('select 1', true, false, '')",
      "select table_to_xml('pg_stat_activity', true, false, '')",
      "select schema_to_xml('public', true, false, '')",
      "select database_to_xml(true, false, '')",
      "select cursor_to_xml('c', 1, true, false, '')",
      "select * from ts_stat('select to_tsvector(usename) from pg_stat_activity')",
      "select ts_rewrite('a'::tsquery, 'select ''a''::tsquery, ''b''::tsquery')",
      'select lo_create(0)',
      "select lo_from_bytea(0, '')",
      'select lo_get(1)',
      'select loread(0, 1)',
      "select lowrite(0, '')",
      'select pg_advisory_lock(1)',
      'select pg_try_advisory_lock(1, 2)',
      'select pg_advisory_xact_lock_shared(1)',
      'select pg_advisory_unlock_all()',
      "select pg_read_file('PG_VERSION')",
      "select pg_read_binary_file('PG_VERSION')",
      "select pg_ls_dir('.')",
      "select pg_stat_file('PG_VERSION')",
      "select dblink_connect('dbname=postgres')",
      "select * from dblink('', 'select 1') as x (a int)",
      "select dblink_exec('', 'select 1')",
      "select * from crosstab('select 1, 2, 3') as x (a int, b int)",
      "select * from connectby('notes', 'id', 'id', '1', 1) as x (a int, b int, c int)",
      "select pg_notify('a', 'b')",
      "select currval('numbers')",
      'select lastval()',
      "select setval('numbers', 1)",
      'select pg_reload_conf()',
      'select pg_rotate_logfile()',
      'select pg_switch_wal()',
      'select pg_promote()',
      "select pg_create_restore_point('x')",
      "select pg_logical_emit_message(false, 'a', 'b')",
      "select pg_create_logical_replication_slot('a', 'b')",
      "select pg_drop_replication_slot('a')",
      "select pg_replication_origin_create('a')",
      'select pg_export_snapshot()',
      "select pg_import_system_collations('public')",
      "select pg_relation_size('notes')",
      'select pg_nextoid(1, $$x$$, 1)',
      "select auth.jwt_session_init('x')",
      "select * from xpath_table('id', 'doc', 'notes', '/a', 'true') as x (id int, a text)",
    ])('SEC-40 refuses %s', async (sql) => {
      expect(judged.classify(sql)).toMatchObject({ kind: 'refused', instead: expect.any(String) })
      if (!/nextoid|jwt_session_init|xpath_table/.test(sql)) expect(notUnderstood).not.toContain(await judged.run(sql))
    })

    it('SEC-40 names the function and what to do instead', () => {
      expect(judged.classify('select pg_sleep(10)')).toEqual({
        kind: 'refused',
        what: 'pg_sleep()',
        instead: 'Wait in the application.',
      })
    })
  })

  describe('of what tells of hidden rows', () => {
    it.each([
      'select * from pg_stats_ext',
      'select * from pg_statistic_ext_data',
      'select * from anywhere.pg_stats',
      'select * from anywhere.pg_stat_anything',
      'select * from anywhere.pg_statio_all_tables',
      'select * from pg_stat_xact_user_tables',
      'select last_value from pg_sequences',
      'select * from pg_largeobject',
      'select * from pg_shmem_allocations',
      "select pg_sequence_last_value('numbers')",
      "select pg_tablespace_size('pg_default')",
      'select pg_current_wal_lsn()',
      'select pg_last_wal_replay_lsn()',
      'select pg_last_committed_xact()',
      "select pg_xact_commit_timestamp('3')",
      'select pg_ls_waldir()',
      'select * from gis.ST_EstimatedExtent($1, $2)',
      'select anywhere._postgis_stats($1, $2)',
      'select _postgis_selectivity($1, $2, $3)',
      'select _postgis_index_extent($1, $2)',
      'select run_command_on_workers($$select 1$$)',
      'select anywhere.run_command_on_shards($1, $2)',
      'select citus_table_size($1)',
      'select postgres_fdw_get_connections()',
      'select approximate_row_count($1)',
      'select xmin from notes',
      'select age(n.xmin) from notes n',
      'insert into notes values (1) returning (xmax = 0) as inserted',
      'select * from notes order by ctid',
      'select * from notes n join notes m on n.ctid = m.ctid',
      'merge into notes n using notes m on n.ctid = m.ctid when matched then delete',
      'select * from notes tablesample system (1)',
      'select * from notes as n tablesample bernoulli ($1) repeatable (1)',
      'with s as (select * from notes tablesample anything (1)) select * from s',
    ])('SEC-69 refuses %s', (sql) => {
      expect(judged.classify(sql)).toMatchObject({ kind: 'refused', instead: expect.any(String) })
    })

    it.each([
      'select * from pg_buffercache',
      'select * from public.pg_buffercache',
      'select * from public.pg_stat_statements_info',
      'select * from public.pg_buffercache_pages()',
      "select * from pgstattuple('notes')",
      "select * from public.pgstattuple_approx('notes')",
      "select brin_page_type(get_raw_page('notes', 0))",
      "select * from pgrowlocks('notes')",
      "select pg_visibility_map_summary('notes')",
      'select pg_freespace($1)',
    ])('SEC-69 refuses what an extension that looks at pages or statistics brings, in any schema: %s', async (sql) => {
      expect(judged.classify(sql)).toMatchObject({ kind: 'refused' })
    })

    it('SEC-69 refuses what is of an extension that reaches past rows, wherever it was put', async () => {
      const extensions =
        'citus_columnar dblink http hypopg pg_buffercache pg_cron pg_dirtyread pg_net pg_prewarm pg_qualstats pg_show_plans postgres_fdw'
      const classify = createClassifier(await loadParser(), {
        ...judged.facts,
        ...parseFunctionFacts(
          extensions.split(' ').flatMap((name) =>
            ['function', 'relation'].map((kind) => ({
              ...{ kind, schema: `in_${name}`, volatility: 's', source: `extension ${name}`, function: null },
              names: JSON.stringify([`of_${name}`]),
            })),
          ),
        ),
      })
      for (const name of extensions.split(' ')) {
        for (const sql of [
          `select of_${name}(1)`,
          `select in_${name}.of_${name}()`,
          `select * from of_${name}`,
          `select (select count(*) from in_${name}.of_${name} as x)`,
          `insert into in_${name}.of_${name} values (1)`,
        ]) {
          expect([sql, classify(sql).kind]).toEqual([sql, 'refused'])
        }
      }
      // The same names elsewhere are the application's.
      expect(classify('select * from mine.of_http')).toMatchObject({ kind: 'fast' })
    })

    it('SEC-69 in no place where a column may be named is a system column read past the parser', async () => {
      for (const column of ['ctid', 'xmin', 'xmax', 'cmin', 'cmax']) {
        for (const sql of [
          `select * from notes join notes as m using (${column})`,
          `insert into notes (${column}) values (null)`,
          `update notes set ${column} = null`,
          `insert into notes values (1) on conflict (${column}) do nothing`,
          `select * from notes as n (a, b, c, ${column})`,
          `select * from json_populate_record(null::notes, '{}') where false and (${column}) is null`,
        ]) {
          if (judged.classify(sql).kind !== 'refused')
            expect([sql, await judged.run(sql)]).toEqual([sql, expect.stringMatching(/^(42|0A)/)])
        }
      }
    })
  })

  describe('of other sessions', () => {
    it.each([
      'select query from pg_stat_activity',
      'table pg_catalog.pg_stat_activity',
      'select * from pg_locks',
      'select * from pg_prepared_statements',
      'select * from pg_cursors',
      'select * from pg_prepared_xacts',
      'select * from pg_stat_ssl',
      'select * from pg_stat_replication',
      'select * from pg_stat_user_tables',
      'select * from pg_statistic',
      'select * from pg_stats',
      'select * from pg_stat_statements',
      'select * from public.pg_stat_statements',
      'select * from pg_stat_statements(true)',
      'select * from pg_stat_get_activity(null)',
      'select pg_stat_get_backend_activity(1)',
      'select * from pg_lock_status()',
      'select * from pg_prepared_statement()',
      'select pg_blocking_pids(1)',
      'select * from pg_roles',
      'select * from pg_authid',
      'select * from pg_db_role_setting',
      'select * from pg_hba_file_rules',
      'select * from pg_file_settings',
      'select * from pg_toast.pg_toast_1255',
      'with pg_stat_activity as (select 1) select * from pg_stat_activity',
      'select (select query from pg_stat_activity limit 1)',
      'select 1 from notes where exists (select from pg_stat_activity)',
      'insert into notes (body) select query from pg_stat_activity',
      'delete from notes using pg_stat_activity a where a.query = body',
      'update notes set body = a.query from pg_stat_activity a',
      'select * from notes join pg_stat_activity on true',
      'select * from (pg_stat_activity cross join notes)',
      'select * from only pg_stat_activity',
      'select * from pg_stat_activity tablesample system (1)',
      'merge into notes using pg_stat_activity a on true when matched then update set body = a.query',
      'select * from notes for update of pg_stat_activity',
    ])('SEC-41 refuses %s', (sql) => {
      expect(judged.classify(sql)).toMatchObject({ kind: 'refused' })
    })

    it('SEC-41 without the classifier, statements prepared for other callers are readable', async () => {
      await judged.gateway.query({ name: 'of_another_caller', text: "select 'secret literal'" })
      const rows = await judged.run("select statement from pg_prepared_statements where name = 'of_another_caller'")
      expect(rows).toEqual([["select 'secret literal'"]])
    })

    it.each([
      'insert into pg_class default values',
      'delete from pg_catalog.pg_proc',
      'update information_schema.sql_features set is_supported = null',
      'insert into pg_temp.x values (1)',
      'merge into pg_settings using notes on true when matched then do nothing',
      'with x as (delete from pg_description returning 1) select 1',
    ])('SEC-39 refuses to write to a system catalog: %s', (sql) => {
      expect(judged.classify(sql)).toMatchObject({ kind: 'refused', what: expect.stringContaining('Writing to ') })
    })
  })

  it('refuses a text that the parser does not understand, in PostgreSQL’s words', async () => {
    for (const sql of [
      'selec 1',
      'select 1 frm notes x',
      "select 'é', é é é",
      "select 'abc",
      'select (',
      'select 1e',
    ]) {
      const verdict = judged.classify(sql)
      const error = await judged.gateway.query(sql).catch((reason) => reason)
      expect(verdict).toMatchObject({
        kind: 'refused',
        error: { sqlstate: error.code, message: error.message, position: Number(error.position) },
      })
    }
  })

  it.each([
    ['NUL', "select 1 \0, set_config('a', 'b', false)"],
    ['an unpaired surrogate', "select '\ud800'"],
    ['an unpaired low surrogate in a name', 'select "\udc00"'],
  ])('refuses a text with %s', (_, sql) => {
    expect(judged.classify(sql)).toMatchObject({ kind: 'refused', error: { sqlstate: '22021' } })
  })

  it('judges the last text within maxLength and refuses the first beyond', () => {
    const text = (length: number) => `select '${'x'.repeat(length - 9)}'`
    expect(judged.classify(text(1024 * 1024))).toMatchObject({ kind: 'fast' })
    expect(judged.classify(text(1024 * 1024 + 1))).toMatchObject({ kind: 'refused', error: { sqlstate: '54000' } })
  })

  it('syntax that a later PostgreSQL brings is judged for an older one', () => {
    expect(postgresMajor()).toBeGreaterThanOrEqual(15)
    expect(judged.classify('update t set a = 1 returning old.a, new.a')).toMatchObject({ kind: 'fast' })
    expect(judged.classify('select json_scalar(1), json_serialize($1), json($2)')).toMatchObject({ kind: 'fast' })
  })
})
