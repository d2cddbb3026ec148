-- expect: RLS042:public.notes:notes_read
create table notes (id uuid primary key);
alter table notes enable row level security;
create function app.me() returns uuid language sql stable return app.user_id();
revoke execute on function app.me() from public;
create policy notes_read on notes for select to authenticated using (id = (select app.me()));
grant select on notes to authenticated;
