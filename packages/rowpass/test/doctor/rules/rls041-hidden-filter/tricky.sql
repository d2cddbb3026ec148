-- expect: RLS041:public.notes:notes_read
-- files: a sub-select without a table. notes: the only policy of members is for another role, so there is never a note.
create table files (team uuid primary key);
alter table files enable row level security;
create policy files_read on files for select to authenticated
  using (team = any (array(select x from unnest(array[app.tenant_id()]) x)));
grant select on files to authenticated;
create table members (team uuid, person uuid, primary key (person, team));
alter table members enable row level security;
create policy members_read on members for select to anonymous using (person = (select app.user_id()));
grant select on members to authenticated, anonymous;
create table notes (team uuid primary key);
alter table notes enable row level security;
create policy notes_read on notes for select to authenticated
  using (team = any (array(select m.team from members m where m.person = (select app.user_id()))));
grant select on notes to authenticated;
