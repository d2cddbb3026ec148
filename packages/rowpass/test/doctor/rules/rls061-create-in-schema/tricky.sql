-- expect: RLS061:"Odd schema"
-- Through a role that the role of requests inherits.
create role doctor_maker;
create schema "Odd schema";
grant create on schema "Odd schema" to doctor_maker;
grant doctor_maker to authenticated;
create table notes (id uuid primary key);
alter table notes enable row level security;
create policy notes_read on notes for select to authenticated using (id = (select app.user_id()));
grant select on notes to authenticated;
