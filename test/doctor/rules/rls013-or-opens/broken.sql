-- expect: RLS013:public.notes:notes_debug
create table notes (id uuid primary key);
alter table notes enable row level security;
create policy notes_read on notes for select to authenticated using (id = (select app.user_id()));
grant select on notes to authenticated;
create policy notes_debug on notes for select to authenticated using (true);
