-- expect: RLS005:doctor_service | RLS006:doctor_app:doctor_service
-- It cannot log in itself, and a login can become it. The one for backups has no grants here and stays.
create role doctor_service bypassrls;
create role doctor_app login noinherit;
create role doctor_backup login bypassrls;
grant authenticated, doctor_service to doctor_app;
create table notes (id uuid primary key);
alter table notes enable row level security;
create policy notes_read on notes for select to authenticated using (id = (select app.user_id()));
grant select on notes to authenticated;
grant select on notes to doctor_service;
