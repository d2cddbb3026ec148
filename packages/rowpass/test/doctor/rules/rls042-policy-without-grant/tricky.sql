-- expect: RLS042:public.notes:notes_read
-- The schema of the function is closed, which does not matter to a policy; the table of the sub-select has no grant.
create schema inner_side;
create function inner_side.me() returns uuid language sql stable return app.user_id();
create table members (team uuid, person uuid, primary key (person, team));
create table notes (id uuid primary key);
alter table notes enable row level security;
create policy notes_read on notes for select to authenticated
  using (id = any (array(select m.team from members m where m.person = (select inner_side.me()))));
grant select on notes to authenticated;
create table files (id uuid primary key);
alter table files enable row level security;
create policy files_read on files for select to authenticated using (id = (select inner_side.me()));
grant select on files to authenticated;
