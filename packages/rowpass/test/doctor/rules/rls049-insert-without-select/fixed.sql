-- expect: none
create table notes (id uuid primary key);
alter table notes enable row level security;
create policy notes_read on notes for select to authenticated using (id = (select app.user_id()));
create policy notes_add on notes for insert to authenticated with check (id = (select app.user_id()));
grant select, insert on notes to authenticated;
