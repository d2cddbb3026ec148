-- expect: RLS010:public.notes:notes_read
create table notes (id uuid primary key);
alter table notes enable row level security;
create policy notes_read on notes for select using (id = (select app.user_id()));
grant select on notes to authenticated;
