/**
 * Faults in a schema of another shape than the rules' own cases: integer keys, an owner that is no superuser, FORCE and a
 * policy of the owner's, PL/pgSQL where the cases have SQL. Each is named at its level, and is all that is new.
 */
import pg from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { readCatalogHere } from '../../src/access/catalog/read.ts'
import { createModel } from '../../src/doctor/analysis/model.ts'
import type { Finding } from '../../src/doctor/finding.ts'
import { tryOutHere } from '../../src/doctor/run.ts'
import { loadParser } from '../../src/statement/parser.ts'
import { createTestDatabase, describePg, type TestDatabase } from '../support/pg.ts'

const prelude = `
  create role app_boss login;
  create role app_login login noinherit;
  grant authenticated, anonymous to app_login;
  grant create on database :database to app_boss;
  set local role app_boss;
  create schema app;
  create schema auth;
  grant usage on schema app, auth to authenticated, anonymous;
  create function app.claims() returns jsonb language sql stable
    as $$ select nullif(current_setting('request.jwt.claims', true), '')::jsonb $$;
  create function app.me() returns bigint language sql stable as $$ select (app.claims() ->> 'sub')::bigint $$;
  create function app.org() returns integer language sql stable as $$ select (app.claims() ->> 'org')::integer $$;
  create function auth.uid() returns uuid language sql stable as $$ select (app.claims() ->> 'sub')::uuid $$;
  create table app.notes (
    id bigint generated always as identity primary key, org integer not null, author bigint, state text not null);
  create index on app.notes (org);
  create index on app.notes (author);
  alter table app.notes enable row level security;
  alter table app.notes force row level security;
  create policy a on app.notes to authenticated using (org = (select app.org()));
  grant select on app.notes to authenticated;
  create policy boss on app.notes to app_boss using (true);
  create function app.call_org() returns integer language plpgsql stable as $$ begin return app.org(); end $$;`

/** What is planted, and the finding that says so: its rule, level, and words of its key. */
const planted: readonly (readonly [title: string, sql: string, code: string, level: string, object: string])[] = [
  [
    'a policy about the state of the row',
    `create policy b on app.notes for select to authenticated using (state = 'open')`,
    'RLS013',
    'error',
    'app.notes:b',
  ],
  [
    'a policy about a function of the row, for all commands and everybody',
    'create policy "B 2" on app.notes using (char_length(state) > 2)',
    'RLS013',
    'error',
    'app.notes:"B 2"',
  ],
  [
    'a policy that only asks for somebody',
    'create policy b on app.notes for select to authenticated using (auth.uid() is not null)',
    'RLS013',
    'error',
    'app.notes:b',
  ],
  [
    'one that only asks for somebody, alone on a table with tenants',
    `create table app.files (id bigint generated always as identity primary key, org integer not null);
     alter table app.files enable row level security;
     create policy f on app.files for select to authenticated using (auth.uid() is not null);
     grant select on app.files to authenticated`,
    'RLS025',
    'error',
    'app.files:f',
  ],
  [
    'a text argument between quotes in a statement of a definer function',
    `create function app.count_by_state(p text) returns bigint language plpgsql security definer set search_path = '' as $f$
     declare n bigint;
     begin
       execute format('select count(*) from app.notes where org = $1 and state = ''%s''', p) into n using app.org();
       return n;
     end $f$`,
    'RLS055',
    'error',
    'app.count_by_state(text)',
  ],
  [
    'a definer function that runs its argument',
    `create function app.exec_sql(q text) returns void language plpgsql security definer set search_path = '' as $f$
     begin execute q; end $f$`,
    'RLS055',
    'error',
    'app.exec_sql(text)',
  ],
  [
    'a login that inherits',
    'reset role; create role webgate login inherit; grant authenticated to webgate',
    'RLS008',
    'warning',
    'webgate:authenticated',
  ],
  [
    'a trigger that writes to whomever the row names',
    `create table app.inbox (owner bigint not null, body text);
     create index on app.inbox (owner);
     alter table app.inbox enable row level security;
     create policy i on app.inbox for select to authenticated using (owner = (select app.me()));
     grant select on app.inbox to authenticated;
     create table app.mentions (author bigint not null, about bigint not null);
     create index on app.mentions (author);
     alter table app.mentions enable row level security;
     create policy m on app.mentions to authenticated using (author = (select app.me()));
     grant select, insert on app.mentions to authenticated;
     create function app.tell() returns trigger language plpgsql security definer set search_path = '' as $f$
     begin
       insert into app.inbox (owner, body) values (new.about, 'you were mentioned');
       return new;
     end $f$;
     create trigger tell after insert on app.mentions for each row execute function app.tell()`,
    'RLS056',
    'warning',
    'app.mentions:app.tell()',
  ],
  [
    'row_security off for a function of the owner under FORCE',
    `create function app.total() returns bigint language plpgsql security definer set search_path = '' set row_security = off
       as $f$ begin return (select count(*) from app.notes where org = app.org()); end $f$`,
    'RLS081',
    'error',
    'app.total()',
  ],
  [
    'an IMMUTABLE function of claims',
    `create function app.viewer() returns bigint language plpgsql immutable as $f$
     begin return (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub')::bigint; end $f$;
     create policy v on app.notes for select to authenticated using (author = (select app.viewer()))`,
    'RLS026',
    'error',
    'app.viewer()',
  ],
  [
    'an identity from a table that the caller makes',
    `create function app.cur_org() returns integer language plpgsql stable as $f$
     declare o integer;
     begin select org into o from pg_temp.ctx; return o; end $f$;
     create policy c on app.notes for select to authenticated using (org = (select app.cur_org()))`,
    'RLS027',
    'error',
    'app.cur_org():pg_temp.ctx',
  ],
  [
    'a definer function that deletes what its argument names',
    `create function app.wipe(p integer) returns void language sql security definer set search_path = ''
       as 'delete from app.notes where org = p'`,
    'RLS052',
    'error',
    'app.wipe(integer)',
  ],
  [
    'a foreign key that tells whether a hidden row is there',
    `create table app.links (org integer not null, note_id bigint references app.notes (id));
     create index on app.links (org);
     alter table app.links enable row level security;
     create policy l on app.links to authenticated using (org = (select app.org()));
     grant select, insert on app.links to authenticated`,
    'RLS071',
    'warning',
    'app.links:links_note_id_fkey',
  ],
  [
    'a serial key without its sequence',
    `create table app.logs (id bigserial primary key, org integer not null);
     create index on app.logs (org);
     alter table app.logs enable row level security;
     create policy l on app.logs to authenticated using (org = (select app.org()));
     grant select, insert (org) on app.logs to authenticated`,
    'RLS069',
    'warning',
    'app.logs:id',
  ],
  [
    'an owner who is the only login, without a policy',
    `drop policy boss on app.notes; reset role;
     do $d$ declare m regrole; begin
       for m in select member from pg_auth_members where roleid = 'authenticated'::regrole loop
         execute format('revoke authenticated from %s cascade', m);
       end loop;
     end $d$`,
    'RLS009',
    'error',
    'app_boss',
  ],
  [
    'a function that the role may not execute, inside of one that it may',
    `revoke execute on function app.org() from public`,
    'RLS042',
    'error',
    'app.notes:a',
  ],
]

/** What comes along with some of them, and is right as well. */
const besides = /^RLS(004|010|020|030|042|051):/

describePg('faults in a schema of integer keys and a plain owner', () => {
  let database: TestDatabase
  let client: pg.Client
  beforeAll(async () => {
    await (await createTestDatabase({ contents: 'platform' })).close()
    database = await createTestDatabase({ contents: 'bare' })
    client = new pg.Client({ connectionString: database.superuserUrl })
    await client.connect()
  })
  afterAll(async () => {
    await client.end()
    await database.close()
  })

  async function loudIn(sql: string): Promise<readonly Finding[]> {
    await client.query('begin')
    try {
      await client.query(prelude.replace(':database', pg.escapeIdentifier(database.name)))
      await client.query(sql)
      await client.query('reset role; savepoint reading')
      const model = createModel(await readCatalogHere(client), await loadParser())
      await client.query('rollback to savepoint reading')
      const { findings } = await tryOutHere(client, model)
      return findings.filter(({ level }) => level !== 'info')
    } finally {
      await client.query('rollback')
    }
  }
  const show = ({ level, key }: Finding): string => `${level} ${key}`

  it('there is nothing to say before', async () => {
    expect((await loudIn('select 1')).map(show)).toEqual([])
  })

  it.each(planted)('%s', async (_, sql, code, level, object) => {
    const found = (await loudIn(sql)).map(show)
    expect(found).toContain(`${level} ${code}:${object}`)
    const others = found.filter((each) => each !== `${level} ${code}:${object}`)
    expect(others.filter((each) => !besides.test(each.replace(/^\w+ /, '')))).toEqual([])
  })
})
