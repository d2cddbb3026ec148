-- expect: RLS041:public.notes:notes_read
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
