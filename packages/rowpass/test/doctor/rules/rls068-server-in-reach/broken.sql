-- expect: RLS068:doctor_web:createrole | RLS068:doctor_web:replication | RLS068:pg_monitor:authenticated | RLS068:pg_read_all_data:authenticated | RLS068:pg_read_server_files:authenticated | RLS068:pg_signal_backend:authenticated | RLS068:pg_write_all_data:authenticated | RLS068:pg_write_server_files:authenticated
create table notes (id uuid primary key);
alter table notes enable row level security;
create policy notes_read on notes for select to authenticated using (id = (select app.user_id()));
grant select on notes to authenticated;
grant pg_read_server_files to authenticated;
-- Through groups, one inside of another.
create role doctor_files;
create role doctor_staff;
grant pg_write_server_files, pg_read_all_data, pg_write_all_data to doctor_files;
grant pg_monitor, pg_signal_backend, doctor_files to doctor_staff;
grant doctor_staff to authenticated;
-- The login of requests has attributes that are for administration.
create role doctor_web login noinherit createrole replication;
grant authenticated to doctor_web;
