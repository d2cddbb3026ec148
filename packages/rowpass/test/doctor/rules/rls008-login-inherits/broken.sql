-- expect: RLS008:doctor_web:authenticated
create role doctor_web login inherit;
grant authenticated to doctor_web;
create table notes (id bigint generated always as identity primary key, owner uuid not null);
create index on notes (owner);
alter table notes enable row level security;
create policy notes_read on notes for select to authenticated using (owner = (select app.user_id()));
grant select on notes to authenticated;
