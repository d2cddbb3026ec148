-- expect: RLS009:doctor_owner
-- Nobody can log in as doctor_person, or become it.
create role doctor_owner login;
create role doctor_person;
grant usage on schema app to doctor_person;
create table notes (id bigint generated always as identity primary key, owner uuid not null);
create index on notes (owner);
alter table notes enable row level security;
alter table notes force row level security;
create policy notes_own on notes to doctor_person using (owner = (select app.user_id()));
grant select on notes to doctor_person;
drop policy nothing_own on app.nothing;
grant create on schema public to doctor_owner;
alter table notes owner to doctor_owner;
revoke create on schema public from doctor_owner;
revoke authenticated, anonymous from rowpass_gateway;
