-- expect: none
create table notes (id uuid primary key, kind text, tags text[], hidden boolean);
alter table notes enable row level security;
grant select on notes to authenticated;
create policy notes_read on notes for select to authenticated using ((select app.user_id()) = id);
