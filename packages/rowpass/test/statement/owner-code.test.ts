import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createClassifier } from '../../src/statement/classify.ts'
import { type FunctionFactRow, functionFactsSql, parseFunctionFacts } from '../../src/statement/facts.ts'
import { loadParser } from '../../src/statement/parser.ts'
import { describePg } from '../support/pg.ts'
import { type JudgedDatabase, judgeDatabase } from './judge-database.ts'

const setUp = `
  create extension pgcrypto;
  create extension "uuid-ossp";
  create extension pg_trgm;
  create extension citext;
  create extension pgstattuple;
  create extension pgrowlocks;
  create schema app;
  create table app.people (id int, first text, last text);

  create function app.immutable_sql(int) returns int language sql immutable return $1 + 1;
  create function app.stable_plpgsql() returns int language plpgsql stable as 'begin return 1; end';
  create function app.volatile_sql() returns int language sql volatile return 1;
  create function app.stable_setter() returns text language sql stable as 'select set_config(''a.b'', ''left behind'', false)';
  create function app.stable_locker() returns void language plpgsql stable as 'begin perform pg_advisory_lock(1); end';
  create function app.stable_runner(text) returns void language plpgsql stable as 'begin execute $1; end';
  create function app.atomic_setter() returns text language sql stable return set_config('a.b', 'left behind', false);
  create function app.internal_alias(int) returns int language internal immutable as 'int4up';
  create function app.mixed(int) returns int language sql immutable return 1;
  create function app.mixed(text) returns int language sql volatile return 1;
  create function app.lower(app.people) returns text language sql volatile return 'x';

  create function app.full_name(app.people) returns text language sql stable return $1.first || ' ' || $1.last;
  create function app.touch(app.people) returns text language sql volatile return 'touched';
  create function app.touch_any(record, int default 1) returns text language plpgsql volatile as 'begin return 1; end';
  create function app.touch_number(int) returns text language sql volatile return 'x';

  create sequence app.reads;
  create view app.counted as select nextval('app.reads') as n;
  create view app.noted as select app.volatile_sql() as n;
  create view app.noted_twice as select n from app.noted;
  create view app.calm as select first, random() as r from app.people;
  create table app.watched (id int);
  create policy watched on app.watched using (app.volatile_sql() = 1);

  create function app.compare(int, int) returns boolean language plpgsql volatile as 'begin return true; end';
  create operator app.=== (leftarg = int, rightarg = int, function = app.compare);
  create operator app.+++# (leftarg = int, rightarg = int, function = int4pl);

  create type app.temperature as (degrees int);
  create function app.to_temperature(int) returns app.temperature language plpgsql volatile as 'begin return row($1); end';
  create cast (int as app.temperature) with function app.to_temperature(int);
  create domain app.fever as app.temperature;
  create type app.length as (metres int);
  create function app.to_length(int) returns app.length language sql immutable return row($1)::app.length;
  create cast (int as app.length) with function app.to_length(int);

  create function app.add(int, int) returns int language plpgsql volatile as 'begin return $1 + $2; end';
  create aggregate app.loud_sum(int) (sfunc = app.add, stype = int, initcond = '0');
  create aggregate app.plain_sum(int) (sfunc = int4pl, stype = int, initcond = '0');
`

describePg('code of the owner', () => {
  let judged: JudgedDatabase

  beforeAll(async () => {
    judged = await judgeDatabase({
      setUp,
    })
  })
  afterAll(() => judged.close())

  describe('is judged by its declaration', () => {
    it.each([
      ['select app.immutable_sql(1)', 'fast'],
      ['select app.stable_plpgsql()', 'fast'],
      ['select stable_plpgsql()', 'fast'],
      ['select app.volatile_sql()', 'reset'],
      ['select * from volatile_sql()', 'reset'],
      ['select app.stable_setter()', 'reset'],
      ['select app.stable_locker()', 'reset'],
      ["select app.stable_runner('select 1')", 'reset'],
      ['select app.atomic_setter()', 'reset'],
      ['select app.internal_alias(1)', 'reset'],
      ['select app.mixed(1)', 'reset'],
      ['select pg_catalog.lower(first) from app.people', 'fast'],
      ['select app.lower(people) from app.people', 'reset'],
      ['select lower(first) from app.people', 'reset'],
      ['select app.loud_sum(id) from app.people', 'reset'],
      ['select app.plain_sum(id) from app.people', 'fast'],
    ])('%s → %s', (sql, kind) => {
      expect(judged.classify(sql)).toMatchObject({ kind })
    })
  })

  describe('is found where the text has no call', () => {
    it.each([
      ['an attribute of a table', 'select people.touch from app.people', 'reset'],
      ['an attribute of an alias', 'select p.touch from app.people p', 'reset'],
      ['an attribute of a qualified table', 'select app.people.touch from app.people', 'reset'],
      ['an attribute of an expression', 'select (p).touch from app.people p', 'reset'],
      ['an attribute of any row, through a default', 'select (p).touch_any from app.people p', 'reset'],
      ['an attribute in WHERE', "select 1 from app.people p where p.touch = ''", 'reset'],
      ['an attribute in ORDER BY', 'select 1 from app.people p order by p.touch', 'reset'],
      ['a quoted attribute', 'select p.U&"\\0074ouch" from app.people p', 'reset'],
      ['a stable attribute', 'select p.full_name from app.people p', 'fast'],
      ['a column with the name of a function of something else', 'select p.touch_number from app.people p', 'fast'],
      ['an operator', 'select 1 === 2', 'reset'],
      ['a qualified operator', 'select 1 operator(app.===) 2', 'reset'],
      ['an operator with ANY', 'select 1 === any (array[1])', 'reset'],
      ['an operator with a subquery', 'select 1 === all (select 2)', 'reset'],
      ['an operator in ORDER BY', 'select 1 order by 1 using operator(app.===)', 'reset'],
      ['an operator over a harmless function', 'select 1 +++# 2', 'fast'],
      ['a cast', 'select 1::app.temperature', 'reset'],
      ['a cast, in full', 'select cast(1 as app.temperature)', 'reset'],
      ['a cast to an array', 'select array[1]::app.temperature[]', 'reset'],
      ['a cast to a domain', 'select 1::app.fever', 'reset'],
      ['a cast in the form of a call', 'select app.temperature(1)', 'reset'],
      ['a cast in a column list', 'select * from json_to_recordset($1) as x (a temperature)', 'reset'],
      ['a cast by an immutable function', 'select 1::app.length', 'fast'],
      ['a cast to a type of PostgreSQL', 'select 1::text::int', 'fast'],
    ])('%s: %s → %s', (_, sql, kind) => {
      expect(judged.classify(sql)).toMatchObject({ kind })
    })

    it('PostgreSQL really calls a function for an attribute, an operator and a cast', async () => {
      await judged.superuser.query('set search_path = app, public')
      await judged.superuser.query("insert into app.people values (1, 'a', 'b')")
      const { rows } = await judged.superuser.query({
        text: 'select p.touch, (p).touch_any, 1 operator(app.===) 2, 1::app.temperature from app.people p',
        rowMode: 'array',
      })
      expect(rows).toEqual([['touched', '1', true, '(1)']])
    })
  })

  it('SEC-42 a stable function can leave a setting behind, which is why its body counts', async () => {
    await judged.superuser.query('select app.stable_setter()')
    const { rows } = await judged.superuser.query("select current_setting('a.b') as value")
    expect(rows).toEqual([{ value: 'left behind' }])
  })

  it('SEC-42 PostgreSQL lets no function that is not volatile run a utility command', async () => {
    for (const command of [
      'set a.b = 1',
      'listen x',
      'create temp table x ()',
      'prepare x as select 1',
      'discard temp',
    ]) {
      await judged.superuser.query(
        `create or replace function app.tries() returns int language plpgsql stable as 'begin ${command}; return 1; end'`,
      )
      await expect(judged.superuser.query('select app.tries()')).rejects.toMatchObject({ code: '0A000' })
    }
  })

  describe('of extensions', () => {
    it.each([
      ["select crypt('a', gen_salt('bf', 4)), gen_random_bytes(8)", 'fast'],
      ['select uuid_generate_v4()', 'fast'],
      ["select similarity('a', 'b'), 'a' % 'b', 'x'::citext", 'fast'],
      ['select set_limit(0.1)', 'reset'],
      ["select * from pgstattuple('app.people')", 'refused'],
      ["select * from app.people, pgrowlocks('app.people')", 'refused'],
    ])('%s → %s', (sql, kind) => {
      expect(judged.classify(sql)).toMatchObject({ kind })
    })
  })

  it('a function that was created since the facts were read is run with a reset', async () => {
    await judged.superuser.query('create function app.latest() returns int language sql volatile return 1')
    expect(judged.classify('select app.latest()')).toMatchObject({ kind: 'reset' })
  })

  it('the digest changes with the facts and only with them', async () => {
    const read = async () => parseFunctionFacts((await judged.gateway.query(functionFactsSql)).rows).digest
    const before = await read()
    await judged.superuser.query('create table app.more ()')
    expect(await read()).toBe(before)
    await judged.superuser.query('alter function app.stable_plpgsql() volatile')
    expect(await read()).not.toBe(before)
  })

  it('reading what writes, by its definition or by its policies, is not safe to do twice', () => {
    for (const name of ['counted', 'noted', 'noted_twice', 'watched']) {
      for (const relation of [name, `app.${name}`]) {
        expect(judged.classify(`select * from ${relation}`)).toMatchObject({ kind: 'fast', readOnly: false })
      }
    }
    for (const relation of ['calm', 'people', 'other.noted']) {
      expect(judged.classify(`select * from ${relation}`)).toMatchObject({ kind: 'fast', readOnly: true })
    }
  })

  it('SEC-37 where strings do not conform to the standard, a text with a backslash is refused', async () => {
    await judged.gateway.query('set standard_conforming_strings = off')
    const facts = parseFunctionFacts((await judged.gateway.query(functionFactsSql)).rows)
    await judged.gateway.query('reset standard_conforming_strings')
    const classify = createClassifier(await loadParser(), facts)
    const sql = "select 'a\\', '||set_config($$a.b$$, $$c$$, false)--'"
    expect(judged.classify(sql)).toMatchObject({ kind: 'fast' })
    expect(classify(sql)).toMatchObject({ kind: 'refused', what: 'A backslash' })
    expect(classify("select 'a', $1")).toMatchObject({ kind: 'fast' })
  })

  it('SEC-40 where the database is not in UTF-8, identifiers outside ASCII are refused', async () => {
    const rows: FunctionFactRow[] = (await judged.gateway.query(functionFactsSql)).rows
    const latin = rows.map((row) => (row.kind === 'encoding' ? { ...row, names: '["LATIN5"]' } : row))
    const classify = createClassifier(await loadParser(), parseFunctionFacts(latin))
    for (const sql of [
      'select SET_CONFİG(1)',
      'select * from PG_STAT_ACTİVİTY',
      'select "pİ".x from t',
      'select 1::"İ"',
    ]) {
      expect(classify(sql)).toMatchObject({ kind: 'refused' })
    }
    expect(classify("select 'İ', $1 from t")).toMatchObject({ kind: 'fast' })
    expect(judged.classify('select "İ" from t')).toMatchObject({ kind: 'fast' })
  })
})
