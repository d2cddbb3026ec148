-- expect: RLS034:public.notes:notes_read
create table notes (id uuid primary key, kind text, tags text[], hidden boolean);
alter table notes enable row level security;
grant select on notes to authenticated;
create function app.me() returns uuid language sql return app.user_id();
create policy notes_read on notes for select to authenticated using (id = app.me());
