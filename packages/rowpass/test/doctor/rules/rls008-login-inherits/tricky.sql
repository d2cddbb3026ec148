-- expect: RLS008:doctor_web:authenticated
-- The login inherits by way of another role. One that is named in grants serves requests as itself. Nobody logs in as the
-- third, and the owner has more than it inherits.
create role doctor_team;
create role doctor_web login inherit;
grant authenticated to doctor_team;
grant doctor_team to doctor_web;
create role doctor_itself login inherit;
grant authenticated to doctor_itself;
create role doctor_nobody inherit;
grant authenticated to doctor_nobody;
create role doctor_owner login inherit;
grant authenticated to doctor_owner;
create table notes (id bigint generated always as identity primary key, owner uuid not null);
create index on notes (owner);
alter table notes enable row level security;
alter table notes force row level security;
create policy notes_read on notes for select to authenticated using (owner = (select app.user_id()));
grant select on notes to authenticated, doctor_itself;
grant create on schema public to doctor_owner;
alter table notes owner to doctor_owner;
revoke create on schema public from doctor_owner;
