import { randomBytes } from 'node:crypto'
import { afterEach, beforeEach, expect, inject, it } from 'vitest'
import { withConnection } from '../../src/database/connect.ts'
import type { LoadReport } from '../../src/scratch/load.ts'
import { openScratchServer, type ScratchServer } from '../../src/scratch/server.ts'
import { describePg } from '../support/pg.ts'

/** Names of roles are the server's: these are of this run alone. */
const id = randomBytes(4).toString('hex')

describePg('scripts in a throw-away database', () => {
  let server: ScratchServer
  beforeEach(async () => {
    server = await openScratchServer(inject('superuserUrl'))
  })
  afterEach(() => server.close())

  async function load(...texts: string[]): Promise<{ url: string; report: LoadReport }> {
    const database = await server.create()
    await database.load(texts.map((text, index) => ({ name: `${index + 1}.sql`, text, isSeed: false })))
    return { url: database.url, report: database.report() }
  }
  const ask = <T extends object>(url: string, sql: string) =>
    withConnection(url, async (client) => (await client.query<T>(sql)).rows)
  const rolesLike = (prefix: string) =>
    ask<{ name: string }>(
      inject('superuserUrl'),
      `select rolname as name from pg_roles where rolname like '${prefix}%' order by 1`,
    )

  it('are what psql would make of them, rows of COPY included', async () => {
    const { url } = await load(
      "create table t (id int primary key, body text); begin; insert into t values (1, 'a;b'); commit;",
      'copy t (id, body) from stdin;\n2\ttwo\\nlines\n3\t\\N\n\\.\n',
    )
    expect(await ask(url, 'select * from t order by id')).toEqual([
      { id: 1, body: 'a;b' },
      { id: 2, body: 'two\nlines' },
      { id: 3, body: null },
    ])
  })

  it('have the statistics that they ask for, and VACUUM is passed over', async () => {
    const { url } = await load(
      'create table t (id int); insert into t values (1), (2); create table u (id int); vacuum u; begin; analyze t; commit;',
    )
    expect(await ask(url, "select relname, reltuples from pg_class where relname in ('t', 'u') order by 1")).toEqual([
      { relname: 't', reltuples: 2 },
      { relname: 'u', reltuples: -1 },
    ])
  })

  it('leave the server as it was: no database, and no role that they made or took for granted', async () => {
    const { url, report } = await load(
      `create table t (id int); alter table t owner to boss_${id}; grant select on t to web_${id};
       create role login_${id} login in role web_${id};
       do $$ begin create role done_${id}; grant done_${id} to login_${id}; end $$;
       create policy p on t to reader_${id} using (true);
       alter default privileges for role boss_${id} grant select on tables to web_${id};
       create schema authorization home_${id};`,
    )
    expect(report.stubbed).toEqual([`the roles boss_${id}, web_${id}, reader_${id}, home_${id}`])
    expect((await rolesLike(`done_${id}`)).length).toBe(1)
    await server.close()
    const [left] = await ask(
      inject('superuserUrl'),
      `select (select count(*)::int from pg_roles where rolname like '%\\_${id}') as roles,
              (select count(*)::int from pg_database where datname = '${new URL(url).pathname.slice(1)}') as databases`,
    )
    expect(left).toEqual({ roles: 0, databases: 0 })
    server = await openScratchServer(inject('superuserUrl'))
  })

  it('change no role and no database that was there before', async () => {
    const role = `rowpass_test_there_${id}`
    await ask(inject('superuserUrl'), `create role ${role} nologin`)
    try {
      const { report } = await load(
        `create role ${role} login superuser;
         alter role ${role} login createdb;
         alter role ${role} set role = 'postgres';
         grant pg_read_all_data to ${role};
         drop role if exists ${role};
         alter database postgres set search_path = evil;
         alter system set work_mem = '1MB';
         create database rowpass_scratch_never;
         grant create on database postgres to ${role};
         copy (select 1) to program 'true';
         create table t (line text); copy t from '/etc/hostname';
         create role mine_${id}; grant ${role} to mine_${id};`,
      )
      const left = report.left.map((line) => line.replace(/: .*/, '').replace(/^1\.sql:/, ''))
      expect(left.map((line) => Number(line.split(' ')[0]))).toEqual([2, 3, 4, 5, 6, 7, 8, 9, 10, 11])
      const [kept] = await ask<{ rolcanlogin: boolean; rolsuper: boolean }>(
        inject('superuserUrl'),
        `select rolcanlogin, rolsuper, pg_has_role('${role}', 'pg_read_all_data', 'MEMBER') as reads from pg_roles where rolname = '${role}'`,
      )
      expect(kept).toEqual({ rolcanlogin: false, rolsuper: false, reads: false })
    } finally {
      await server.close()
      await ask(inject('superuserUrl'), `drop role ${role}`)
      server = await openScratchServer(inject('superuserUrl'))
    }
  })

  it.each([
    [
      'a statement',
      'select 1;\n\ncreate table t (id int);\nselect\n  nope\nfrom t;',
      '1.sql:5: column "nope" does not exist (42703)',
    ],
    ['a syntax error', 'select 1;\ncreate tabel t ();', '1.sql:2: syntax error at or near "tabel" (42601)'],
    [
      'rows',
      'create table t (id int);\ncopy t from stdin;\n1\nx\n\\.\n',
      '1.sql:2: invalid input syntax for type integer: "x" (22P02)',
    ],
    [
      'a policy',
      'create table t (id int);\ncreate policy p on t using (missing());',
      '1.sql:2: function missing() does not exist (42883)',
    ],
  ])('fail at the place of %s, in the words of PostgreSQL', async (_, text, detail) => {
    await expect(load(text)).rejects.toMatchObject({ code: 'script_failed', detail })
  })

  it('find a stand-in for an extension that the server has not got', async () => {
    const { url, report } = await load(
      `create extension if not exists vector with schema extensions;
       create extension no_such_thing;
       create table doc (id int, at extensions.vector(3), other extensions.halfvec (2));
       create index on doc using hnsw (at vector_l2_ops);`,
    )
    expect(report.stubbed).toEqual(['the extension vector', 'the extension no_such_thing, of which nothing is there'])
    expect(report.left).toEqual([expect.stringMatching(/^1\.sql:4 create index on doc using hnsw/)])
    expect(await ask(url, "insert into doc values (1, '[1,2,3]') returning at")).toEqual([{ at: '[1,2,3]' }])
  })

  it('have the extensions that a project of Supabase has from its start', async () => {
    const { url, report } = await load(
      `create table notes (id uuid primary key default uuid_generate_v4(), token bytea default gen_random_bytes(8));
       create policy own on notes to anon using (id = auth.uid());`,
    )
    expect(report.stubbed).toEqual(['the roles, auth and storage of Supabase'])
    const [row] = await ask<{ token: Buffer }>(url, 'insert into notes default values returning token')
    expect(row?.token).toHaveLength(8)
  })

  it('have the accounts of Supabase, for the rows that seeds put there', async () => {
    const id = '7f3c1a52-0d5e-4f0b-9a51-5b8f2a1f6e01'
    const { url } = await load(
      `create table profiles (id uuid primary key references auth.users, name text);
       insert into auth.users (instance_id, id, aud, role, email, encrypted_password, email_confirmed_at,
         confirmation_token, confirmation_sent_at, recovery_token, recovery_sent_at, email_change, email_change_sent_at,
         email_change_token_new, email_change_token_current, email_change_confirm_status, phone, phone_confirmed_at,
         phone_change, phone_change_token, phone_change_sent_at, reauthentication_token, reauthentication_sent_at,
         raw_app_meta_data, raw_user_meta_data, is_super_admin, last_sign_in_at, created_at, updated_at)
       values ('00000000-0000-0000-0000-000000000000', '${id}', 'authenticated', 'authenticated', 'Kim@example.org',
         crypt('of a test', gen_salt('bf', 4)), now(), '', now(), '', null, '', null, '', '', 0, null, null, '', '', null,
         '', null, '{"provider": "email"}', '{}', false, now(), now(), now());
       insert into auth.identities (id, user_id, provider_id, provider, identity_data)
       values (gen_random_uuid(), '${id}', '${id}', 'email', '{"email": "Kim@example.org"}');
       insert into profiles values ('${id}', 'Kim');
       alter table profiles enable row level security;
       create policy of_two_factors on profiles as restrictive to authenticated using (
         exists (select from auth.mfa_factors where user_id = auth.uid() and status = 'verified'));`,
    )
    const rows = await ask(
      url,
      'select u.confirmed_at = u.email_confirmed_at as confirmed, i.email from auth.users u join auth.identities i on i.user_id = u.id',
    )
    expect(rows).toEqual([{ confirmed: true, email: 'kim@example.org' }])
  })

  it('have the functions of pg_session_jwt, where they call them', async () => {
    const { url } = await load(
      'create table todos (user_id text default (auth.user_id())); create policy own on todos to authenticated using (auth.user_id() = user_id)',
    )
    expect(await ask(url, 'select auth.user_id() as id')).toEqual([{ id: null }])
  })

  it('have what they take for granted of Rowpass, where they call it', async () => {
    const { url, report } = await load(
      `create table notes (id int primary key, owner uuid); alter table notes enable row level security;
       create policy own on notes to authenticated using (owner = (select auth.claim_uuid('sub')));`,
    )
    expect(report.stubbed).toEqual(["Rowpass's own schemas, with a seal key of this run"])
    expect(await ask(url, 'select auth.uid() as uid')).toEqual([{ uid: null }])
    expect(await ask(url, 'select name from rowpass.seal_keys')).toEqual([{ name: 'scratch' }])
  })
})
