/**
 * What a fix may not do: break what worked, or make a finding go while the fault stays.
 */
import { readFileSync } from 'node:fs'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readCatalogHere } from '../../src/access/catalog/read.ts'
import { inSavepoint } from '../../src/access/trial.ts'
import { withConnection } from '../../src/database/connect.ts'
import { createModel } from '../../src/doctor/analysis/model.ts'
import type { Finding } from '../../src/doctor/finding.ts'
import { runDoctor, type TryOptions, tryFixesHere, tryOutHere } from '../../src/doctor/run.ts'
import { loadParser } from '../../src/statement/parser.ts'
import { createTestDatabase, describePg, product, type TestDatabase, urlFor } from '../support/pg.ts'

const prelude = readFileSync(`${product}test/doctor/rules/prelude.sql`, 'utf8')
/** A table of a plain owner, not forced, with one policy for requests. */
const owned = `
  create role fix_owner login;
  create table public.users (id uuid primary key, email text);
  insert into public.users values (gen_random_uuid(), 'a@example.org'), (gen_random_uuid(), 'b@example.org');
  alter table public.users enable row level security;
  create policy own on public.users to authenticated using (id = (select app.user_id()));
  grant select on public.users to authenticated;
  alter table public.users owner to fix_owner;`

describePg('fixes that would break or hide', () => {
  let database: TestDatabase
  let client: pg.Client
  beforeAll(async () => {
    await (await createTestDatabase({ contents: 'platform' })).close()
    database = await createTestDatabase({ contents: 'bare' })
    client = new pg.Client({ connectionString: database.superuserUrl })
    await client.connect()
    await client.query('alter schema public owner to postgres')
  })
  afterAll(async () => {
    await client.end()
    await database.close()
  })

  async function findIn(sql: string, options: TryOptions = {}): Promise<readonly Finding[]> {
    await client.query('begin')
    try {
      await client.query(`${prelude}; ${sql}`)
      await client.query('savepoint reading')
      const model = createModel(await readCatalogHere(client), await loadParser())
      await client.query('rollback to savepoint reading')
      const diagnosis = await inSavepoint(client, () => tryOutHere(client, model))
      return (await tryFixesHere(client, model, diagnosis, options)).findings
    } finally {
      await client.query('rollback')
    }
  }

  describe('are questions that name who would lose', () => {
    it.each([
      [
        'a membership by which a service works',
        `create role fix_service bypassrls;
         create role fix_gate login noinherit;
         grant authenticated, anonymous, fix_service to fix_gate;
         ${owned}`,
        'RLS006:fix_gate:fix_service',
        ['fix_gate', 'fix_service'],
      ],
      [
        'a membership by which migrations work',
        `${owned}
         create role fix_migrator login;
         grant fix_owner, authenticated to fix_migrator;`,
        'RLS006:fix_migrator:fix_owner',
        ['fix_migrator', 'fix_owner'],
      ],
      [
        'FORCE under a function that signs people up as the owner',
        `${owned}
         create function public.register(address text) returns uuid language sql security definer
           set search_path = pg_catalog, pg_temp
           begin atomic insert into public.users values (gen_random_uuid(), address) returning id; end;
         alter function public.register owner to fix_owner;`,
        'RLS004:public.users',
        ['fix_owner', 'public.register(text)', 'insert'],
      ],
      ['FORCE under an application that logs in as the owner', owned, 'RLS004:public.users', ['fix_owner', 'select']],
      [
        'roles for a policy that is true for everybody',
        `create table public.notes (id uuid primary key);
         alter table public.notes enable row level security;
         create policy everything on public.notes using (true);
         grant select on public.notes to authenticated, anonymous;`,
        'RLS010:public.notes:everything',
        ['authenticated', 'anonymous'],
      ],
      [
        'EXECUTE by name for a function that does the same for everybody',
        `create table public.notes (id uuid primary key, org uuid);
         alter table public.notes enable row level security;
         create policy own on public.notes to authenticated using (id = (select app.user_id()));
         grant select on public.notes to authenticated;
         create function public.wipe(which uuid) returns void language sql security definer
           set search_path = pg_catalog, pg_temp as 'delete from public.notes where org = which';
         grant usage on schema public to anonymous;`,
        'RLS053:public.wipe(uuid)',
        ['authenticated'],
      ],
      [
        'a wrap whose inside is one call a row',
        `create table public.notes (row_id uuid primary key);
         create function app.may_read(which uuid) returns boolean language sql stable return which = app.user_id();
         alter table public.notes enable row level security;
         create policy own on public.notes to authenticated using ((select app.may_read(row_id)));
         grant select on public.notes to authenticated;`,
        'RLS031:public.notes:own',
        [],
      ],
      [
        'a wrap whose inside is one call a row, compared',
        `create table public.notes (row_id uuid primary key);
         create function app.holder(which uuid) returns uuid language sql stable return coalesce(app.user_id(), which);
         alter table public.notes enable row level security;
         create policy own on public.notes to authenticated using ((select app.holder(row_id) = app.user_id()));
         grant select on public.notes to authenticated;`,
        'RLS031:public.notes:own',
        [],
      ],
      [
        'a materialized view that requests read',
        `${owned}
         create materialized view public.counts as select count(*) as n from public.users;
         grant select on public.counts to authenticated;`,
        'RLS045:public.counts',
        ['authenticated'],
      ],
      [
        'a role past policies that logs in',
        `${owned}
         create role fix_backup login bypassrls;
         grant select on public.users to fix_backup;`,
        'RLS005:fix_backup',
        ['fix_backup'],
      ],
    ])('%s', async (_, sql, key, names) => {
      const finding = (await findIn(sql)).find((each) => each.key === key)
      expect(finding?.fix).toEqual({ person: expect.any(String) })
      for (const name of names) expect(finding?.fix).toHaveProperty('person', expect.stringContaining(name))
    })
  })

  describe('are found out by trying them', () => {
    it.each([
      [
        'row-level security under a role that no policy lets insert',
        `create table public.notes (id uuid primary key);
         create policy own on public.notes for select to authenticated using (id = (select app.user_id()));
         grant select, insert on public.notes to authenticated;`,
        'RLS002:public.notes',
        /authenticated: INSERT on public\.notes/,
      ],
      [
        'row-level security under a role that no policy names',
        `create role fix_reports login;
         create table public.notes (id uuid primary key);
         create policy own on public.notes for select to authenticated using (id = (select app.user_id()));
         grant select on public.notes to authenticated, fix_reports;`,
        'RLS002:public.notes',
        /fix_reports: SELECT on public\.notes/,
      ],
      [
        'security_invoker for whoever has no grant on the table',
        `create table public.notes (id uuid primary key);
         alter table public.notes enable row level security;
         create policy own on public.notes to authenticated using (id = (select app.user_id()));
         create view public.ids as select id from public.notes;
         grant select on public.ids to authenticated;`,
        'RLS044:public.ids',
        /authenticated: SELECT on public\.ids fails \(42501\)/,
      ],
      [
        'security_invoker after which nobody sees anything',
        `create table public.notes (id uuid primary key);
         insert into public.notes values (gen_random_uuid());
         alter table public.notes enable row level security;
         create policy own on public.notes to authenticated using (app.user_id() is not null and false);
         create view public.ids as select id from public.notes;
         grant select on public.ids, public.notes to authenticated;`,
        'RLS044:public.ids',
        /authenticated: SELECT on public\.ids, 0 of 1 rows/,
      ],
      [
        'a search_path without the schema of a type',
        `create table public.notes (id uuid primary key);
         alter table public.notes enable row level security;
         create policy own on public.notes to authenticated using (id = (select app.user_id()));
         grant select on public.notes to authenticated;
         create schema kinds;
         grant usage on schema kinds to authenticated;
         create type kinds.state as enum ('open');
         set local search_path = public, kinds;
         create function app.states() returns bigint language plpgsql security definer as $$
           declare wanted state := 'open';
           begin return (select count(*) from public.notes where id = app.user_id()); end $$;`,
        'RLS050:app.states()',
        /type "state" does not exist/,
      ],
      [
        'a search_path without the schema of a cast, by calling it',
        `create table public.notes (id uuid primary key);
         alter table public.notes enable row level security;
         create policy own on public.notes to authenticated using (id = (select app.user_id()));
         grant select on public.notes to authenticated;
         create schema kinds;
         grant usage on schema kinds to authenticated;
         create domain kinds.label as text;
         set local search_path = public, kinds;
         create function app.labels() returns bigint language plpgsql security definer as $$
           begin return (select count(*) from public.notes where id = app.user_id() and 'x'::label is not null); end $$;`,
        'RLS050:app.labels()',
        /a call of app\.labels\(\) fails \(42704\)/,
      ],
      [
        'CREATE in a schema by which another login works',
        `create schema shared;
         grant create, usage on schema shared to public;
         ${owned}`,
        'RLS061:shared',
        /fix_owner: CREATE on schema shared/,
      ],
      [
        'EXECUTE of PUBLIC by which another role works',
        `${owned}
         create function app.mine() returns bigint language sql stable security definer set search_path = pg_catalog, pg_temp
           as 'select count(*) from public.users where id = app.user_id()';
         grant usage on schema app to fix_owner;`,
        'RLS053:app.mine()',
        /fix_owner: EXECUTE on app\.mine\(\)/,
      ],
      [
        'a power that a monitor has by the same group',
        `${owned}
         create role fix_group;
         create role fix_monitor login;
         grant pg_read_all_data to fix_group;
         grant fix_group to authenticated, fix_monitor;`,
        'RLS068:pg_read_all_data:authenticated',
        /fix_monitor/,
      ],
    ])('%s', async (_, sql, key, words) => {
      const finding = (await findIn(sql)).find((each) => each.key === key)
      expect(finding?.fix).toEqual({ person: expect.stringMatching(words) })
    })
  })

  it('a function that no rollback undoes is not called, and the fix says so', async () => {
    const found = await findIn(`
      create table public.notes (id uuid primary key);
      alter table public.notes enable row level security;
      create policy own on public.notes to authenticated using (id = (select app.user_id()));
      grant select on public.notes to authenticated;
      create table public.called (at timestamptz);
      create function app.send() returns void language plpgsql security definer as $$
        begin
          insert into public.called select now() where app.user_id() is not null;
          copy public.called to program 'true';
        end $$;`)
    const fix = found.find(({ key }) => key === 'RLS050:app.send()')?.fix
    expect(fix).toMatchObject({ tried: true, untried: [expect.stringMatching(/app\.send\(\) was not called: .*COPY/)] })
  })

  it('nothing is tried under an event trigger that does what no rollback undoes', async () => {
    const found = await findIn(`
      create function app.told() returns event_trigger language plpgsql as $$
        begin perform pg_read_file('/etc/hostname'); execute 'select 1'; end $$;
      create event trigger fix_told on ddl_command_end execute function app.told();
      create table public.notes (id uuid primary key);
      create policy own on public.notes for select to authenticated using (id = (select app.user_id()));
      grant select on public.notes to authenticated;`)
    expect(found.find(({ key }) => key === 'RLS002:public.notes')?.fix).toEqual({
      person: expect.stringContaining('the event trigger fix_told'),
    })
  })

  it('nothing is offered that was not tried in time', async () => {
    const sql = `
      create table public.notes (id uuid primary key);
      create policy own on public.notes for select to authenticated using (id = (select app.user_id()));
      grant select on public.notes to authenticated;`
    const fixOf = async (options: TryOptions) =>
      (await findIn(sql, options)).find(({ key }) => key === 'RLS002:public.notes')?.fix
    expect(await fixOf({ budgetMs: 0 })).toEqual({ person: expect.stringContaining('the time for trials was over') })
    expect(await fixOf({})).toMatchObject({ tried: true })
  })

  it('a right that another role has granted is not said to be taken', async () => {
    const found = await findIn(`
      create role fix_other;
      create schema shared;
      grant usage, create on schema shared to fix_other with grant option;
      set role fix_other;
      grant create on schema shared to authenticated;
      reset role;`)
    expect(found.find(({ key }) => key === 'RLS061:shared')?.fix).toEqual({
      person: expect.stringContaining('the finding stays'),
    })
  })

  it('FORCE is a fix where the policies of the owner let every row through', async () => {
    const found = await findIn(`${owned} create policy boss on public.users to fix_owner using (true);`)
    expect(found.find(({ key }) => key === 'RLS004:public.users')?.fix).toMatchObject({
      sql: ['alter table public.users force row level security'],
      tried: true,
    })
  })

  it('nextval goes on where UPDATE of a sequence is taken', async () => {
    const found = await findIn(
      'create sequence public.numbers; grant update on sequence public.numbers to authenticated;',
    )
    expect(found.find(({ key }) => key === 'RLS065:public.numbers')?.fix).toMatchObject({
      tried: true,
      sql: [
        'grant usage on sequence public.numbers to authenticated',
        'revoke update on sequence public.numbers from authenticated',
      ],
    })
  })

  describe('a trial', () => {
    const login = 'fix_trial_login'
    const password = 'of-a-throw-away-database'
    beforeAll(async () => {
      await client.query(`
        ${prelude}
        create role ${login} login password '${password}';
        grant create, usage on schema public to ${login};
        grant usage on schema app to ${login};
        create role fix_trial_reader;
        grant fix_trial_reader to ${login};
        grant usage on schema app, public to fix_trial_reader;
        set role ${login};
        create table public.notes (id bigserial primary key, owner_id uuid);
        create policy own on public.notes to fix_trial_reader using (owner_id = (select app.user_id()));
        grant select, insert, update, delete on public.notes to fix_trial_reader;
        grant usage on sequence public.notes_id_seq to fix_trial_reader;
        reset role;
        insert into public.notes (owner_id) values (gen_random_uuid()), (gen_random_uuid());
        create role fix_trial_maker;
        alter default privileges for role fix_trial_maker in schema public grant select on tables to fix_trial_reader;`)
    })
    afterAll(async () => {
      for (const name of [login, 'fix_trial_maker', 'fix_trial_reader'])
        await client.query(`drop owned by ${name} cascade; drop role ${name}`)
    })

    const examine = () =>
      runDoctor({ databaseUrl: urlFor(database.name, login, password), roles: ['fix_trial_reader'], fixes: {} })
    const fixOf = async (code: string) => (await examine()).findings.find((each) => each.code === code)?.fix

    it('leaves rows, sequences, rights and settings as they were', async () => {
      const state = async () =>
        (
          await client.query(`select (select last_value from public.notes_id_seq) as number,
            (select json_agg(n order by id) from public.notes n) as rows, (select count(*)::int from pg_auth_members where member = '${login}'::regrole) as members,
            (select relrowsecurity from pg_class where oid = 'public.notes'::regclass) as rls`)
        ).rows
      const before = await state()
      expect(await fixOf('RLS002')).toMatchObject({ tried: true })
      expect(await state()).toEqual(before)
    })

    it('says who must run what this login may not', async () => {
      const { findings } = await examine()
      expect(findings.find(({ key }) => key === 'RLS062:public:fix_trial_maker:tables')?.fix).toEqual({
        person: expect.stringMatching(
          /^fix_trial_login may not do this .*: fix_trial_maker or a superuser must run it\./,
        ),
      })
    })

    it('does not wait for a table that others use, nor keep them waiting', async () => {
      await withConnection(database.superuserUrl, async (other) => {
        await other.query('begin; lock table public.notes in row exclusive mode')
        expect(await fixOf('RLS002')).toEqual({ person: expect.stringContaining('other transactions use') })
        await other.query('rollback')
      })
    })
  })
})
