-- expect: RLS005:doctor_app
create role doctor_app login bypassrls;
create table notes (id uuid primary key);
alter table notes enable row level security;
create policy notes_read on notes for select to authenticated using (id = (select app.user_id()));
grant select on notes to authenticated;
grant select on notes to doctor_app;
