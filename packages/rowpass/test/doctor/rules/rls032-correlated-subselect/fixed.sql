-- expect: none
create table notes (id uuid primary key, kind text, tags text[], hidden boolean);
alter table notes enable row level security;
grant select on notes to authenticated;
create table members (team uuid, person uuid, primary key (person, team));
grant select on members to authenticated;
alter table members enable row level security;
create policy members_read on members for select to authenticated using (person = (select app.user_id()));
create policy notes_read on notes for select to authenticated using (id = (select app.user_id()));
