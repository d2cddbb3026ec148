/**
 * What a fix may not do: break what worked, or make a finding go while the fault stays.
 */
import { readFileSync } from 'node:fs'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readCatalogHere } from '../../src/access/catalog/read.ts'
import { createModel } from '../../src/doctor/analysis/model.ts'
import type { Finding } from '../../src/doctor/finding.ts'
import { tryOutHere } from '../../src/doctor/run.ts'
import { loadParser } from '../../src/statement/parser.ts'
import { createTestDatabase, describePg, product, type TestDatabase } from '../support/pg.ts'

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

  async function findIn(sql: string): Promise<readonly Finding[]> {
    await client.query('begin')
    try {
      await client.query(`${prelude}; ${sql}`)
      await client.query('savepoint reading')
      const model = createModel(await readCatalogHere(client), await loadParser())
      await client.query('rollback to savepoint reading')
      return (await tryOutHere(client, model)).findings
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

  it('FORCE is a fix where the policies of the owner let every row through', async () => {
    const found = await findIn(`${owned} create policy boss on public.users to fix_owner using (true);`)
    expect(found.find(({ key }) => key === 'RLS004:public.users')?.fix).toEqual({
      sql: ['alter table public.users force row level security'],
    })
  })

  it('nextval goes on where UPDATE of a sequence is taken', async () => {
    const found = await findIn(
      'create sequence public.numbers; grant update on sequence public.numbers to authenticated;',
    )
    expect(found.find(({ key }) => key === 'RLS065:public.numbers')?.fix).toEqual({
      sql: [
        'grant usage on sequence public.numbers to authenticated',
        'revoke update on sequence public.numbers from authenticated',
      ],
    })
  })
})
