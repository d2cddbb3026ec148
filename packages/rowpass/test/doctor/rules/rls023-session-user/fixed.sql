-- expect: none
create table notes (id name primary key);
alter table notes enable row level security;
create policy notes_read on notes for select to authenticated using (id = (select current_user));
grant select on notes to authenticated;
