import { readFileSync } from 'node:fs'
import pg from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { detectCarrier } from '../../src/access/identity.ts'
import { runDoctor } from '../../src/doctor/run.ts'
import { createTestDatabase, describePg, product, type TestDatabase, urlFor } from '../support/pg.ts'

const prelude = readFileSync(`${product}test/doctor/rules/prelude.sql`, 'utf8')
const login = 'doctor_probe_login'
const password = 'of-a-throw-away-database'

describePg('what the doctor tries', () => {
  let database: TestDatabase
  let client: pg.Client
  beforeAll(async () => {
    await (await createTestDatabase({ contents: 'platform' })).close()
    database = await createTestDatabase({ contents: 'bare' })
    client = new pg.Client({ connectionString: database.superuserUrl })
    await client.connect()
    await client.query(prelude)
    await client.query(`
      drop role if exists ${login};
      create role ${login} login password '${password}';
      create table members (tenant_id uuid, user_id uuid, primary key (user_id, tenant_id));
      create table wraps (id uuid primary key, owner_id uuid not null);
      create table looks (id uuid primary key, tenant_id uuid not null);
      create table casts (id uuid primary key, tenant_id uuid not null);
      create table calls (id uuid primary key, owner_id uuid not null);
      create index on casts (tenant_id);
      insert into calls select gen_random_uuid(), gen_random_uuid() from generate_series(1, 10);
      insert into wraps select gen_random_uuid(), gen_random_uuid() from generate_series(1, 100);
      alter table members enable row level security;
      alter table wraps enable row level security;
      alter table looks enable row level security;
      alter table casts enable row level security;
      alter table calls enable row level security;
      create policy own on members to authenticated using (user_id = (select app.user_id()));
      create policy own on wraps to authenticated using ((select app.user_id() = owner_id));
      create policy own on looks to authenticated using (exists (
        select from members m where m.tenant_id = looks.tenant_id and m.user_id = (select app.user_id())));
      create policy own on casts to authenticated using (tenant_id::text = (select app.claims() ->> 'tenant_id'));
      create policy own on calls to authenticated using (owner_id = app.user_id());
      grant select on members, wraps, looks, casts, calls to authenticated;`)
  })
  afterAll(async () => {
    await client.query(`drop role if exists ${login}`)
    await client.end()
    await database.close()
  })

  it.each([
    ['RLS030', 'calls', /plan as authenticated with enable_seqscan = off: .*Scan on calls, Filter: .*claims/],
    ['RLS031', 'wraps', /Scan on wraps, Filter: .*SubPlan 1/],
    ['RLS032', 'looks', /on looks, Filter: .*SubPlan/],
    ['RLS033', 'casts', /Scan on casts, Filter: \(\(tenant_id\)::text = /],
    ['RLS035', 'calls', /Scan on calls, Filter: /],
  ])('SEC-55 shows the line of the plan that proves %s of %s', async (code, table, line) => {
    const { findings } = await runDoctor({ databaseUrl: database.superuserUrl })
    const found = findings.find((each) => each.code === code && each.object === `public.${table}`)
    expect(found?.evidence).toMatch(line)
  })

  it('is left out where only catalogs are read', async () => {
    const { findings, notes } = await runDoctor({ databaseUrl: database.superuserUrl, catalogsOnly: true })
    expect(findings.filter(({ evidence }) => evidence.includes('plan as'))).toEqual([])
    expect(notes).toEqual([])
  })

  it('is not tried by a login that cannot take the roles on, and the report says so', async () => {
    const { findings, notes } = await runDoctor({ databaseUrl: urlFor(database.name, login, password) })
    expect(notes.join('\n')).toMatch(
      /nothing was tried as authenticated: .* may not become the role authenticated \(SET ROLE\)/,
    )
    expect(findings.map(({ code }) => code)).toContain('RLS031')
  })

  it('leaves the connection and the database as they were', async () => {
    const state = async () =>
      (
        await client.query(`select current_user, current_setting('transaction_read_only') as reading,
          (select count(*)::int from pg_auth_members where member = current_user::regrole) as members, (select count(*)::int from wraps) as rows`)
      ).rows
    const before = await state()
    await runDoctor({ databaseUrl: database.superuserUrl })
    expect(await state()).toEqual(before)
  })

  it('stops at what takes too long, and the report says so', async () => {
    await client.query(`
      create function app.slow() returns uuid language plpgsql stable as $$
        begin perform pg_sleep(30); return app.user_id(); end $$;
      create policy slow on calls for select to authenticated using (id = (select app.slow()));`)
    try {
      const { notes } = await runDoctor({ databaseUrl: database.superuserUrl })
      expect(notes).toContain('without claims, 1 tables could not be tried to the end')
    } finally {
      await client.query('drop policy slow on calls; drop function app.slow()')
    }
  })
})

describePg('how claims reach policies', () => {
  it('is found out by a login that may not use the schema of the seal', async () => {
    const database = await createTestDatabase({ contents: 'platform' })
    const owner = new pg.Client({ connectionString: database.superuserUrl })
    await owner.connect()
    const name = `${login}_other`
    await owner.query(`drop role if exists ${name}; create role ${name} login password '${password}'`)
    await owner.query(`grant connect on database ${database.name} to ${name}`)
    const client = new pg.Client({ connectionString: urlFor(database.name, name, password) })
    await client.connect()
    try {
      expect(await detectCarrier(client)).toEqual({ kind: 'sealed' })
    } finally {
      await client.end()
      await owner.query(`revoke connect on database ${database.name} from ${name}; drop role ${name}`)
      await owner.end()
      await database.close()
    }
  })
})
