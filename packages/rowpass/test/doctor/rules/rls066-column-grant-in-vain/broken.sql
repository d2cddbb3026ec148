-- expect: RLS066:public.notes:authenticated
create table notes (id uuid primary key, owner text);
alter table notes enable row level security;
create policy notes_read on notes for select to authenticated using (id = (select app.user_id()));
grant select on notes to authenticated;
grant select (id) on notes to authenticated;
