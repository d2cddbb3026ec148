-- expect: none
create table notes (id uuid primary key, kind text, tags text[], hidden boolean);
alter table notes enable row level security;
grant select on notes to authenticated;
create function app.mine() returns uuid[] language sql stable return array[app.user_id()];
create policy notes_read on notes for select to authenticated using (id = any ((select app.mine())::uuid[]));
