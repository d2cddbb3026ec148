-- expect: RLS048:public.files:authenticated
-- A policy FOR ALL is one for SELECT too. On files there is a policy, for another role.
create table notes (id uuid primary key);
alter table notes enable row level security;
create policy notes_all on notes to authenticated using (id = (select app.user_id()));
grant select, delete on notes to authenticated;
create table files (id uuid primary key);
alter table files enable row level security;
create policy files_read on files for select to anonymous using (id = (select app.user_id()));
create policy files_delete on files for delete to authenticated using (id = (select app.user_id()));
grant select, delete on files to authenticated;
