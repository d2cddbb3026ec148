-- expect: RLS068:pg_execute_server_program:authenticated | RLS068:pg_read_all_stats:authenticated
-- Through a group. What PostgreSQL's own roles bring along is not said again, and a login of its own may monitor.
create table notes (id uuid primary key);
alter table notes enable row level security;
create policy notes_read on notes for select to authenticated using (id = (select app.user_id()));
grant select on notes to authenticated;
create role doctor_exports;
grant pg_execute_server_program to doctor_exports;
grant doctor_exports, pg_read_all_stats to authenticated;
create role doctor_monitor login;
grant pg_monitor to doctor_monitor;
-- A login of its own may replicate, and so may an owner make roles.
create role doctor_standby login replication;
create role doctor_owner login noinherit createrole;
grant authenticated to doctor_owner;
grant create on schema public to doctor_owner;
alter table notes force row level security;
alter table notes owner to doctor_owner;
revoke create on schema public from doctor_owner;
