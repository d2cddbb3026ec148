-- expect: RLS041:public.notes:notes_read | RLS032:public.teams:teams_read (info) | RLS032:public.hashed:hashed_read (info) | RLS041:public.teams:teams_read | RLS041:public.hashed:hashed_read
-- A sub-select over a table, which is the same for all rows: PostgreSQL runs it once.
create table notes (id uuid primary key, kind text, tags text[], hidden boolean);
alter table notes enable row level security;
grant select on notes to authenticated;
create table members (team uuid, person uuid, primary key (person, team));
create index on members (team);
alter table members enable row level security;
create policy members_read on members for select to authenticated using (person = (select app.user_id()));
grant select on members to authenticated;
create policy notes_read on notes for select to authenticated using (id = any (array(select m.team from members m where m.person = (select app.user_id()))));
-- Correlated, and asked only about what an index gives; correlated, and planned as one hash table.
create table teams (id uuid primary key, tenant_id uuid);
create index on teams (tenant_id);
alter table teams enable row level security;
create policy teams_read on teams for select to authenticated
  using (tenant_id = (select app.tenant_id()) and exists (select from members m where m.team = teams.id));
create table hashed (id uuid primary key, team uuid);
create index on hashed (team);
alter table hashed enable row level security;
create policy hashed_read on hashed for select to authenticated
  using (exists (select from members m where m.team = hashed.team and m.person = (select app.user_id())));
insert into hashed select gen_random_uuid(), gen_random_uuid() from generate_series(1, 5000);
insert into members select gen_random_uuid(), gen_random_uuid() from generate_series(1, 5000);
analyze hashed, members;
grant select on teams, hashed to authenticated;
