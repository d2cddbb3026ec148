-- expect: none
-- A restrictive policy without TO closes for all that it might forget.
create table notes (id uuid primary key);
alter table notes enable row level security;
create policy notes_read on notes for select to authenticated using (id = (select app.user_id()));
grant select on notes to authenticated;
create policy notes_always on notes as restrictive using (id = (select app.user_id()));
