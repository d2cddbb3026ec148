-- expect: RLS041:public.notes:notes_read
create table members (team uuid, person uuid, primary key (person, team));
alter table members enable row level security;
create policy members_read on members for select to authenticated using (person = (select app.user_id()));
grant select on members to authenticated;
create table notes (team uuid primary key);
alter table notes enable row level security;
create policy notes_read on notes for select to authenticated
  using (team = any (array(select m.team from members m where m.person = (select app.user_id()))));
grant select on notes to authenticated;
