-- expect: RLS019:public.notes:notes_read
create table notes (id uuid primary key);
alter table notes enable row level security;
create policy notes_read on notes for select to authenticated using (id = (select current_setting('app.user')::uuid));
grant select on notes to authenticated;
