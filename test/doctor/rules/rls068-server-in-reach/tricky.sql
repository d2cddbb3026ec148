-- expect: RLS068:pg_execute_server_program:authenticated
-- Through a group. pg_monitor reads no rows and no files.
create table notes (id uuid primary key);
alter table notes enable row level security;
create policy notes_read on notes for select to authenticated using (id = (select app.user_id()));
grant select on notes to authenticated;
create role doctor_exports;
grant pg_execute_server_program to doctor_exports;
grant doctor_exports, pg_monitor to authenticated;
