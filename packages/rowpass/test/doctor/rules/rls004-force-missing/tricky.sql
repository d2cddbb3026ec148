-- expect: none
-- The owner is a superuser, or cannot log in: FORCE would change nothing for the one, and nobody is the other.
create role doctor_nobody;
grant create on schema public to doctor_nobody;
create table notes (id uuid primary key);
create table files (id uuid primary key);
alter table notes enable row level security;
alter table files enable row level security;
alter table files owner to doctor_nobody;
revoke create on schema public from doctor_nobody;
create policy notes_read on notes for select to authenticated using (id = (select app.user_id()));
create policy files_read on files for select to authenticated using (id = (select app.user_id()));
grant select on notes, files to authenticated;
