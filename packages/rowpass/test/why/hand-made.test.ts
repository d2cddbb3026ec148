import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { describePg } from '../support/pg.ts'
import { ask, codes, jsonClaims, openScene, type Scene } from './scene.ts'

const setup = `
create schema app; create schema closed;
grant usage on schema app to authenticated, anonymous;
create function app.uid() returns text language sql stable as
  $$ select nullif(current_setting('request.jwt.claims', true), '')::jsonb->>'sub' $$;

create table app.notes (id serial primary key, owner text not null, body text, pinned boolean not null default false, team int);
grant select, insert, update, delete on app.notes to authenticated;
alter table app.notes enable row level security;
create policy notes_read on app.notes for select to authenticated using (owner = app.uid());
create policy notes_write on app.notes for insert to authenticated with check (body is not null);
create policy notes_change on app.notes for update to authenticated using (owner = app.uid()) with check (owner = app.uid());
create policy notes_remove on app.notes for delete to authenticated using (true);
create policy notes_frozen on app.notes as restrictive for update to authenticated using (not pinned);
create policy notes_short on app.notes as restrictive for insert to authenticated with check (length(body) < 20);
insert into app.notes (owner, body, pinned) values ('ada', 'one', false), ('ada', 'two', true), ('bob', 'three', false);

create table app.quiet (id int); insert into app.quiet values (1);
alter table app.quiet enable row level security;
grant select, insert on app.quiet to authenticated;

create table app.open_table (id int); insert into app.open_table values (1);
grant select on app.open_table to authenticated;

create table closed.things (id int); grant select on closed.things to authenticated;

create view app.all_notes as select * from app.notes;
create view app.own_notes with (security_invoker = true) as select * from app.notes;
create view app.nested as select id from app.all_notes;
create materialized view app.frozen_notes as select * from app.notes;
grant select on app.all_notes, app.own_notes, app.nested, app.frozen_notes to authenticated;

create table app.keyed (email text primary key, owner text, hits int default 0);
insert into app.keyed values ('a@x', 'ada'), ('b@x', 'bob');
alter table app.keyed enable row level security;
create policy keyed_read on app.keyed for select to authenticated using (owner = app.uid());
create policy keyed_insert on app.keyed for insert to authenticated with check (true);
create policy keyed_update on app.keyed for update to authenticated using (owner = app.uid());
grant select, insert, update on app.keyed to authenticated;

create table app.members (team int, who text);
alter table app.members enable row level security;
create policy members_read on app.members to authenticated using (who = app.uid());
create table app.boards (id int, team int); insert into app.boards values (1, 1), (2, 2);
alter table app.boards enable row level security;
create policy boards_read on app.boards for select to authenticated
  using (team in (select m.team from app.members m));
grant select on app.boards, app.members to authenticated;
insert into app.members values (1, 'ada');

create table app.loop_a (id int); create table app.loop_b (id int);
alter table app.loop_a enable row level security; alter table app.loop_b enable row level security;
create policy a_read on app.loop_a using (exists (select from app.loop_b));
create policy b_read on app.loop_b using (exists (select from app.loop_a));
grant select on app.loop_a, app.loop_b to authenticated;

create function app.secret() returns boolean language sql stable as 'select true';
revoke all on function app.secret() from public;
create table app.guarded (id int); insert into app.guarded values (1);
alter table app.guarded enable row level security;
create policy guarded_read on app.guarded using (app.secret());
grant select on app.guarded to authenticated;

create table app.typed (id uuid, who uuid); insert into app.typed values (gen_random_uuid(), gen_random_uuid());
alter table app.typed enable row level security;
create policy typed_read on app.typed using (who = app.uid()::uuid);
grant select on app.typed to authenticated;

create table app.parts (id int, tenant int) partition by list (tenant);
create table app.parts_1 partition of app.parts for values in (1); insert into app.parts values (1, 1);
alter table app.parts enable row level security;
create policy parts_none on app.parts using (false);
grant select on app.parts, app.parts_1 to authenticated;

create function app.stamp() returns trigger language plpgsql as $$ begin new.owner := app.uid(); return new; end $$;
create table app.stamped (id int, owner text);
create trigger stamp before insert on app.stamped for each row execute function app.stamp();
alter table app.stamped enable row level security;
create policy stamped_write on app.stamped for insert with check (owner = app.uid());
create policy stamped_read on app.stamped for select using (true);
grant select, insert on app.stamped to authenticated;

create function app.call_out() returns trigger language plpgsql as $$ begin perform pg_try_advisory_lock(4711); return new; end $$;
create table app.noisy (id int);
create trigger call_out after insert on app.noisy for each row execute function app.call_out();
grant select, insert on app.noisy to authenticated;
`

const ada = { sub: 'ada' }

/** The statement, what happens (rows, or SQLSTATE), the findings, and words that their texts hold. */
type Case = [sql: string, happens: number | string, findings: string, words?: string[]]

const kinds: Record<string, Case[]> = {
  'policies of each command': [
    ['select * from app.notes', 2, 'rows_hidden', ['1 row of app.notes', 'notes_read']],
    [
      "insert into app.notes (owner, body) values ('bob', 'x')",
      42501,
      'grant_missing',
      ['sequence app.notes_id_seq', 'USAGE'],
    ],
    ["insert into app.notes (id, owner, body) values (9, 'bob', 'x')", 1, 'allowed'],
    [
      "insert into app.notes (id, owner, body) values (9, 'bob', 'x') returning id",
      42501,
      'select_policy_refuses',
      ['RETURNING', 'notes_read'],
    ],
    ["insert into app.notes (id, owner) values (9, 'ada')", 42501, 'row_refused', ['notes_write', 'notes_short']],
    [
      "insert into app.notes (id, owner, body) values (9, 'ada', 'much too long for this policy')",
      42501,
      'row_refused',
      ['notes_short'],
    ],
    ["update app.notes set body = 'x'", 1, 'rows_hidden rows_hidden', ['notes_frozen']],
    [
      "update app.notes set body = 'x' where id > 0",
      1,
      'rows_hidden rows_hidden rows_hidden',
      ['notes_read', 'notes_frozen'],
    ],
    ["update app.notes set owner = 'bob'", 42501, 'rows_hidden rows_hidden row_refused', ['notes_change']],
    [
      "update app.notes set owner = 'bob' where id = 1",
      42501,
      'row_refused select_policy_refuses',
      ['notes_change', 'notes_read'],
    ],
    ['delete from app.notes', 3, 'allowed'],
    ['delete from app.notes where id > 0', 2, 'rows_hidden', ['notes_read']],
    ['with gone as (delete from app.notes where id = 3 returning id) select * from gone', 0, 'rows_hidden'],
  ],
  'what is closed': [
    ['select * from app.quiet', 0, 'no_policy', ['no permissive policy for SELECT']],
    ['insert into app.quiet values (2)', 42501, 'no_policy', ['no permissive policy for INSERT']],
    ['select * from closed.things', 42501, 'schema_closed', ['schema closed']],
    ['select * from things', '42P01', 'relation_missing', ['no relation things on the search path']],
    ['select * from app.nothing', '42P01', 'relation_missing'],
    ['select app.secret()', 42501, 'grant_missing', ['EXECUTE on function app.secret()']],
    ['select * from app.guarded', 42501, 'policy_fails', ['function secret', 'permission denied']],
    ['truncate app.notes', 'refused', 'TRUNCATE'],
  ],
  'whose rights count': [
    ['select * from app.open_table', 1, 'rls_off allowed'],
    ['select * from app.all_notes', 3, 'view_owner allowed', ['app.all_notes', 'not asked']],
    ['select * from app.nested', 3, 'view_owner allowed'],
    ['select * from app.own_notes', 2, 'rows_hidden', ['notes_read']],
    ['select * from app.frozen_notes', 3, 'rls_off allowed', ['materialized view']],
    ['select * from app.parts', 0, 'rows_hidden', ['parts_none']],
    ['select * from app.parts_1', 1, 'rls_off allowed'],
  ],
  'ON CONFLICT and MERGE': [
    ["insert into app.keyed values ('c@x', 'bob') on conflict do nothing", 1, 'allowed'],
    [
      "insert into app.keyed values ('c@x', 'bob') on conflict (email) do nothing",
      42501,
      'select_policy_refuses',
      ['keyed_read'],
    ],
    [
      "insert into app.keyed values ('b@x', 'ada') on conflict (email) do update set hits = 1",
      42501,
      'row_refused select_policy_refuses',
      ['row in the way', 'keyed_update'],
    ],
    ["insert into app.keyed values ('a@x', 'ada') on conflict (email) do update set hits = 1", 1, 'allowed'],
    [
      "insert into app.keyed values ('a@x', 'ada') on conflict (email) do update set owner = 'bob'",
      42501,
      'row_refused select_policy_refuses',
      ['updated row', 'keyed_update'],
    ],
    [
      "merge into app.keyed k using (values ('a@x')) v (email) on k.email = v.email when matched then update set hits = 1",
      1,
      'rows_hidden',
    ],
    [
      "merge into app.keyed k using (values ('a@x')) v (email) on k.email = v.email when matched then update set owner = 'bob'",
      42501,
      'rows_hidden row_refused select_policy_refuses',
      ['keyed_update'],
    ],
    [
      "merge into app.keyed k using (values ('z@x')) v (email) on k.email = v.email when not matched then insert values ('z@x', 'bob')",
      1,
      'rows_hidden',
    ],
  ],
  'policies that read': [
    ['select * from app.boards', 1, 'rows_hidden', ['boards_read']],
    ['select * from app.loop_a', '42P17', 'policy_recursion', ['a_read']],
    ['select * from app.typed', '22P02', 'claim_unfit', ['22P02', 'sub is "ada"']],
  ],
  triggers: [
    ["insert into app.stamped values (1, 'bob')", 1, 'allowed'],
    ['insert into app.noisy values (1)', 'not run', 'rls_off allowed'],
  ],
}

describePg('why, on a schema made by hand', () => {
  let scene: Scene
  beforeAll(async () => {
    scene = await openScene('platform', setup)
  })
  afterAll(() => scene.close())

  const options = (sql: string) => ({ identity: { role: 'authenticated', claims: ada }, carrier: jsonClaims, sql })

  for (const [kind, cases] of Object.entries(kinds)) {
    describe(kind, () => {
      it.each(cases)('%s', async (sql, happens, findings, words = []) => {
        if (happens === 'refused') {
          return expect(ask(scene.client, options(sql))).rejects.toMatchObject({
            code: 'input_invalid',
            detail: expect.stringContaining(findings),
          })
        }
        const explanation = await ask(scene.client, options(sql))
        const { outcome, doubts } = explanation
        expect({ findings: codes(explanation).join(' '), doubts }).toEqual({ findings, doubts: [] })
        expect(String(outcome?.problem?.sqlstate ?? outcome?.rows ?? 'not run')).toBe(String(happens))
        const text = explanation.findings.map(({ says }) => says).join('\n')
        for (const word of words) expect(text).toContain(word)
      })
    })
  }
})
