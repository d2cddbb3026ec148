-- expect: RLS010:public.bills:bills_own | RLS010:public.notes:notes_own
-- A policy for everybody is one for the owner; without FORCE there is no need of any.
create role doctor_owner login;
create role doctor_person;
grant usage on schema app to doctor_person;
create table notes (id bigint generated always as identity primary key, owner uuid not null);
create index on notes (owner);
alter table notes enable row level security;
alter table notes force row level security;
create policy notes_own on notes using (owner = (select app.user_id()));
grant select on notes to doctor_person;
create table bills (id bigint generated always as identity primary key, owner uuid not null);
create index on bills (owner);
alter table bills enable row level security;
create policy bills_own on bills using (owner = (select app.user_id()));
drop policy nothing_own on app.nothing;
grant create on schema public to doctor_owner;
alter table notes owner to doctor_owner;
revoke create on schema public from doctor_owner;
revoke authenticated, anonymous from rowpass_gateway;
