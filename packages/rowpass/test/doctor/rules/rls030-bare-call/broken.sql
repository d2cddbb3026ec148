-- expect: RLS030:public.notes:notes_read
create table notes (id uuid primary key, kind text, tags text[], hidden boolean);
alter table notes enable row level security;
grant select on notes to authenticated;
create policy notes_read on notes for select to authenticated using (id = app.user_id());
