-- expect: RLS004:public.notes
create role doctor_owner login;
grant create on schema public to doctor_owner;
create table notes (id uuid primary key);
alter table notes enable row level security;
alter table notes owner to doctor_owner;
revoke create on schema public from doctor_owner;
create policy notes_read on notes for select to authenticated using (id = (select app.user_id()));
grant select on notes to authenticated;
