-- expect: none
create role doctor_app login noinherit;
create table notes (id uuid primary key);
alter table notes enable row level security;
create policy notes_read on notes for select to authenticated using (id = (select app.user_id()));
grant select on notes to authenticated;
grant authenticated to doctor_app;
