-- expect: none
create table notes (id uuid primary key);
alter table notes enable row level security;
create policy notes_read on notes for select to authenticated using (id = (select app.user_id()));
grant select on notes to authenticated;
create role doctor_import login;
grant pg_read_server_files to doctor_import;
create role doctor_web login noinherit;
grant authenticated to doctor_web;
