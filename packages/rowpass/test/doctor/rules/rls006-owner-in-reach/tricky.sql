-- expect: RLS006:doctor_app:doctor_backup | RLS006:doctor_staff:doctor_owner
-- The role of requests is clean; the login that takes it on is a member of the owner through another role, and may
-- become the role of the backups, which has no grant by name.
create role doctor_owner;
create role doctor_staff;
create role doctor_app login noinherit;
create table notes (id uuid primary key);
alter table notes enable row level security;
create policy notes_read on notes for select to authenticated using (id = (select app.user_id()));
grant select on notes to authenticated;
grant create on schema public to doctor_owner;
alter table notes owner to doctor_owner;
revoke create on schema public from doctor_owner;
grant doctor_owner to doctor_staff;
grant doctor_staff, authenticated to doctor_app;
create role doctor_backup bypassrls;
grant doctor_backup to doctor_app;
