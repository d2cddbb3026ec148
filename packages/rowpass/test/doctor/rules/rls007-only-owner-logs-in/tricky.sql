-- expect: RLS009:doctor_owner
-- The owner logs in and cannot become a role of requests: where it is not for migrations alone, it sees nothing.
drop policy nothing_own on app.nothing;
create role doctor_requests;
grant usage on schema public, app to doctor_requests;
create role doctor_owner login;
create table notes (id uuid primary key);
alter table notes enable row level security;
create policy notes_read on notes for select to doctor_requests using (id = (select app.user_id()));
grant select on notes to doctor_requests;
grant create on schema public to doctor_owner;
alter table notes force row level security;
alter table notes owner to doctor_owner;
revoke create on schema public from doctor_owner;
