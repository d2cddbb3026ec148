import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createClassifier } from '../../src/statement/classify.ts'
import { loadParser } from '../../src/statement/parser.ts'
import { describePg } from '../support/pg.ts'
import { type JudgedDatabase, judgeDatabase } from './judge-database.ts'

describePg('verdicts', () => {
  let judged: JudgedDatabase

  beforeAll(async () => {
    judged = await judgeDatabase()
  })
  afterAll(() => judged.close())

  describe('fast', () => {
    const statements: [sql: string, command: string, readOnly: boolean][] = [
      ['select id, name from users where tenant_id = $1 order by name limit 10 offset 5', 'SELECT', true],
      ['select u.name, t.name from users u join tenants t on t.id = u.tenant_id', 'SELECT', true],
      ['select count(*) filter (where a > 1), sum(a) over (partition by b order by c) from t', 'SELECT', true],
      ['select a from t group by rollup (a), grouping sets ((a), ()) having count(*) > 1', 'SELECT', true],
      ['select percentile_cont(0.5) within group (order by a), string_agg(b, $1 order by c) from t', 'SELECT', true],
      ["select data->'a'->>'b', data #>> '{a,b}', data @> $1::jsonb, tags && $2::text[] from t", 'SELECT', true],
      ['select a between 1 and 2, b in (1, 2), c like $1, d ilike $2, e similar to $3, f ~* $4 from t', 'SELECT', true],
      ['select a is distinct from b, nullif(a, b), coalesce(a, b), greatest(a, b), a is null from t', 'SELECT', true],
      [
        "select extract(year from a), a at time zone 'UTC', date_trunc('day', a), now(), current_date from t",
        'SELECT',
        true,
      ],
      [
        'select array[1, 2], row(1, 2), (t).a, t.*, a[1:2], x.y.z, cast(a as int), a::numeric(10, 2) from t',
        'SELECT',
        true,
      ],
      [
        'select case a when 1 then b else c end, not a, a and b or c, exists (select 1), a = any ($1) from t',
        'SELECT',
        true,
      ],
      ['select auth.session(), auth.user_id(), auth.uid(), auth.jwt()', 'SELECT', true],
      [
        "select 'users'::regclass, current_setting('TimeZone'), current_user, current_schema, version()",
        'SELECT',
        true,
      ],
      ['select clock_timestamp(), timeofday(), random(), gen_random_uuid()', 'SELECT', true],
      ['select json_object(a: b), json_array(a, b), json_arrayagg(a), a is json object from t', 'SELECT', true],
      ['select json_value(a, $1), json_query(a, $2 with wrapper), json_exists(a, $3) from t', 'SELECT', true],
      [
        "select xmlelement(name a, b), xmlforest(a), xmlserialize(content c as text), xpath('/a', d) from t",
        'SELECT',
        true,
      ],
      [
        "select * from json_table(a, '$' columns (b int path '$.b' default 1 on error, n for ordinality)) j",
        'SELECT',
        true,
      ],
      ["select * from xmltable('/a' passing b columns c int path 'c' default 1) x", 'SELECT', true],
      [
        'select * from rows from (generate_series(1, 2), unnest($1::int[])) with ordinality as f (a, b, n)',
        'SELECT',
        true,
      ],
      ['select * from t, lateral jsonb_to_recordset(t.a) as x (b int, c text)', 'SELECT', true],
      ['select 1 union all select 2 intersect select 3 except select 4', 'SELECT', true],
      [
        'with recursive r (n) as (select 1 union all select n + 1 from r) search depth first by n set o cycle n set c using p select * from r',
        'SELECT',
        true,
      ],
      ['select a from t window w as (order by b rows between 1 preceding and current row)', 'SELECT', true],
      ['select distinct on (a) a, b collate "C" from t order by a desc nulls last, b using <', 'SELECT', true],
      ['values (1, 2), ($1, $2)', 'SELECT', true],
      ['table users', 'SELECT', true],
      ['', '', true],
      [' ; -- nothing', '', true],
      ['select 1;', 'SELECT', true],
      ['select * from users for update skip locked', 'SELECT', false],
      ["select nextval('s')", 'SELECT', false],
      ['insert into users (name) values ($1), (default) returning id, name', 'INSERT', false],
      ['insert into t select * from s on conflict (a) where b do update set c = excluded.c', 'INSERT', false],
      ['insert into t (a) overriding system value values (1) on conflict on constraint k do nothing', 'INSERT', false],
      [
        'update users set (a, b) = (select 1, 2), c[1] = 3 from t where t.id = users.id returning users.*',
        'UPDATE',
        false,
      ],
      ['delete from users using t where t.id = users.id', 'DELETE', false],
      ['update users set name = $1 returning with (old as o, new as n) o.name, n.name', 'UPDATE', false],
      [
        'merge into t using s on t.id = s.id when matched and s.a then update set b = s.b when not matched then insert (a) values (s.a)',
        'MERGE',
        false,
      ],
      ['merge into t using s on t.id = s.id when matched then delete returning merge_action(), t.*', 'MERGE', false],
      ['with d as (delete from users returning *) select * from d', 'SELECT', false],
    ]

    it.each(statements)('%s', (sql, command, readOnly) => {
      expect(judged.classify(sql)).toMatchObject({ kind: 'fast', command, readOnly })
    })
  })

  describe('reset', () => {
    const statements: [sql: string, readOnly: boolean][] = [
      ['select * from pg_type', true],
      ['select * from pg_catalog.pg_attribute where attrelid = $1', true],
      ['select table_name from information_schema.tables', true],
      ['select name, setting from pg_settings', true],
      ['show timezone', true],
      ['select no_such_function(1)', false],
      ['select pg_catalog.no_such_function(1)', false],
      ['select elsewhere.lower(name) from users', false],
      ['select a %%% b from t', false],
    ]

    it.each(statements)('%s', (sql, readOnly) => {
      expect(judged.classify(sql)).toMatchObject({ kind: 'reset', readOnly })
    })
  })

  it.each<[sql: string, verdict: object]>([
    ['explain (costs off, format json) select * from users', { kind: 'fast', command: 'EXPLAIN', readOnly: true }],
    ['explain analyze select * from users', { kind: 'fast', command: 'EXPLAIN', readOnly: true }],
    ['explain analyze delete from users', { kind: 'fast', command: 'EXPLAIN', readOnly: false }],
    ['explain analyze select pg_sleep(1)', { kind: 'refused', what: 'pg_sleep()' }],
    ['explain execute envelope', { kind: 'refused', what: 'EXPLAIN of EXECUTE' }],
    ['explain declare c cursor for select 1', { kind: 'refused', what: 'EXPLAIN of DECLARE CURSOR' }],
    ['explain analyze create table x as select 1', { kind: 'refused', what: 'EXPLAIN of CREATE TABLE AS' }],
    ['explain (analyze, later_option) select 1', { kind: 'refused', what: 'The EXPLAIN option later_option' }],
  ])('where EXPLAIN is allowed: %s', async (sql, verdict) => {
    expect(createClassifier(await loadParser(), judged.facts, { allowExplain: true })(sql)).toMatchObject(verdict)
  })

  it('the same statement with other literals has the same fingerprint, another statement another', () => {
    const [one, other, different] = ['select 1 + 2', 'select  3 + 4 -- x', 'select 1 - 2'].map((sql) => {
      const verdict = judged.classify(sql)
      return verdict.kind === 'refused' ? undefined : verdict.fingerprint
    })
    expect(one).toMatch(/^[0-9a-f]{16}$/)
    expect(other).toBe(one)
    expect(different).not.toBe(one)
  })

  it('a verdict is kept by text and computed once', () => {
    expect(judged.classify('select 40 + 2')).toBe(judged.classify('select 40 + 2'))
    expect(judged.classify('select 40 + 2')).not.toBe(judged.classify('select 40 +  2'))
  })

  it('at most cacheSize verdicts and cacheLength of text are kept, and none of a long text', async () => {
    const parser = await loadParser()
    let parses = 0
    const counting = {
      ...parser,
      parse(sql: string) {
        parses++
        return parser.parse(sql)
      },
    }
    const countParses = (options: object, texts: string[]) => {
      const classify = createClassifier(counting, judged.facts, options)
      parses = 0
      for (const text of texts) classify(text)
      return parses
    }
    expect(countParses({}, ['select 1', 'select 2', 'select 1', 'select 2'])).toBe(2)
    expect(countParses({ cacheSize: 1 }, ['select 1', 'select 2', 'select 1', 'select 2'])).toBe(4)
    expect(countParses({ cacheLength: 12 }, ['select 1', 'select 2', 'select 1', 'select 2'])).toBe(4)
    const long = `select '${'x'.repeat(64 * 1024)}'`
    expect(countParses({}, [long, long])).toBe(2)
    const atLimit = `${long.slice(0, 64 * 1024 - 2)}'`
    expect(countParses({}, [atLimit, atLimit])).toBe(1)
  })
})
