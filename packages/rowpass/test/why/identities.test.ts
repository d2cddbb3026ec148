import { afterAll, beforeAll, expect, it } from 'vitest'
import type { ClaimsCarrier } from '../../src/access/identity.ts'
import { withConnection } from '../../src/database/connect.ts'
import { describePg } from '../support/pg.ts'
import { ask, codes, jsonClaims, openScene, type Scene } from './scene.ts'

const roles = ['why_member', 'why_group', 'why_bypass', 'why_owner'] as const

const setup = `
do $$ declare r text; begin
  foreach r in array array['${roles.join("','")}'] loop
    begin execute format('create role %I', r); exception when duplicate_object or unique_violation then null; end;
  end loop;
end $$;
alter role why_bypass bypassrls; grant why_group to why_member;

create schema i; grant usage on schema i to public;
create table i.t (id int, tenant text);
insert into i.t values (1, 'a'), (2, 'b'), (3, 'b');
alter table i.t owner to why_owner;
alter table i.t enable row level security;
grant select on i.t to why_group, why_bypass, authenticated, anonymous;
create policy for_group on i.t to why_group using (tenant = 'a');
create policy for_owner on i.t to why_owner using (id = 3);
create policy by_name on i.t to authenticated using (tenant = current_setting('jwt.claims.tenant', true) or current_user = 'postgres');
create policy place on i.t as restrictive to anonymous using (tableoid = 'i.t'::regclass);
create policy anyone on i.t to anonymous using (true);

create table i.lists (id int, tenant text); insert into i.lists values (1, 'a'), (2, 'b');
create function i.may(text) returns boolean language sql stable security definer set search_path = i, pg_temp as
  $$ select exists (select from t where tenant = $1) $$;
alter table i.lists enable row level security;
create policy lists_read on i.lists using (i.may(tenant) and tenant in (select t.tenant from i.t));
grant select on i.lists to why_group, authenticated;

create table i."Weird Table" (id int, tenant text); insert into i."Weird Table" values (1, 'a'), (2, 'b');
alter table i."Weird Table" enable row level security; grant select on i."Weird Table" to why_group;
create policy "Weird Policy" on i."Weird Table" using ("Weird Table".id in (select w.id from i.t w where w.tenant = "Weird Table".tenant));
`

describePg('why, for identities of every kind', () => {
  let scene: Scene
  beforeAll(async () => {
    scene = await openScene('platform', setup)
  })
  afterAll(async () => {
    await scene.close()
    await withConnection(scene.database.superuserUrl.replace(scene.database.name, 'postgres'), async (client) => {
      for (const role of roles) await client.query(`drop role if exists ${role}`)
    })
  })

  const explainFor = (role: string, sql: string, claims: object = {}, carrier: ClaimsCarrier = jsonClaims) =>
    ask(scene.client, { identity: { role, claims: { ...claims } }, sql, carrier })

  it.each<[role: string, sql: string, rows: number, findings: string]>([
    ['why_member', 'select * from i.t', 1, 'rows_hidden'],
    ['why_group', 'select * from i.t', 1, 'rows_hidden'],
    ['why_bypass', 'select * from i.t', 3, 'rls_bypassed allowed'],
    ['why_owner', 'select * from i.t', 3, 'rls_bypassed allowed'],
    ['why_member', 'select * from i.lists', 1, 'rows_hidden inner_policy'],
    ['why_member', 'select * from i."Weird Table"', 1, 'rows_hidden inner_policy'],
    [
      'why_member',
      'select l.id from i.lists l where exists (select from i.t where t.tenant = l.tenant)',
      1,
      'rows_hidden inner_policy rows_hidden',
    ],
    [
      'why_member',
      'with x as (select tenant from i.t) select * from x join i.lists using (tenant)',
      1,
      'rows_hidden rows_hidden inner_policy',
    ],
    [
      'why_member',
      'select (select count(*) from i.t u where u.id > l.id) from i.lists l',
      1,
      'rows_hidden inner_policy rows_hidden',
    ],
    ['why_member', 'select * from i.t union all select * from i.lists', 2, 'rows_hidden rows_hidden inner_policy'],
  ])('explains to %s: %s', async (role, sql, rows, findings) => {
    const explanation = await explainFor(role, sql)
    expect(explanation.outcome).toEqual({ rows, problem: undefined })
    expect([codes(explanation).join(' '), explanation.doubts]).toEqual([findings, []])
  })

  it('finds the policies of the owner once FORCE is set', async () => {
    await scene.client.query('alter table i.t force row level security')
    const explanation = await explainFor('why_owner', 'select * from i.t')
    await scene.client.query('alter table i.t no force row level security')
    expect([explanation.outcome?.rows, codes(explanation)]).toEqual([1, ['rows_hidden']])
  })

  it('sets claims one by one where the policies read them so', async () => {
    const carrier: ClaimsCarrier = { kind: 'each', prefix: 'jwt.claims.' }
    const explanation = await explainFor('authenticated', 'select id from i.t where id > 1', { tenant: 'b' }, carrier)
    expect([explanation.outcome?.rows, codes(explanation)]).toEqual([2, ['allowed']])
    expect(explanation.relations[0]?.rows).toMatchObject({ matching: 2, seen: 2, filtered: true })
  })

  it('says that it is incomplete where PostgreSQL contradicts it', async () => {
    const explanation = await explainFor('anonymous', 'select id from i.t')
    expect(explanation.outcome?.rows).toBe(3)
    expect(explanation.complete).toBe(false)
    expect(explanation.doubts).toEqual(['the policies let 0 rows of i.t pass, and PostgreSQL shows 3'])
  })

  it('says so when the connection may not look past the policies', async () => {
    await scene.client.query('grant usage on schema i to rowpass_owner; grant select on i.t to rowpass_owner')
    const explanation = await ask(scene.owner, {
      identity: { role: 'authenticated', claims: {} },
      sql: 'select * from i.t',
      carrier: jsonClaims,
    })
    expect(explanation.notes.join()).toMatch(/The rows of i.t could not be looked at: .*42501/)
    expect(explanation.relations[0]?.steps[0]?.policies[0]).toMatchObject({ name: 'by_name', passed: undefined })
  })

  it('tells what a policy reads, and whether it may', async () => {
    await scene.client.query('revoke select on i.t from authenticated')
    const explanation = await explainFor('authenticated', 'select * from i.lists')
    await scene.client.query('grant select on i.t to authenticated')
    const [policy] = explanation.relations[0]!.steps[0]!.policies
    expect(policy?.reads).toEqual([{ name: 'i.t', rls: true, readable: false }])
    expect(codes(explanation)).toEqual(['policy_fails'])
    expect(explanation.outcome?.problem?.message).toBe('permission denied for table t')
  })
})
