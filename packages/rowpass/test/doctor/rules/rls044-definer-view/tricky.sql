-- expect: RLS044:public.outer_view
-- outer_view has security_invoker, and reads a view that has not. own_notes belongs to a role for whom the policies hold.
create table notes (id uuid primary key, owner text);
alter table notes enable row level security;
create policy notes_read on notes for select to authenticated using (id = (select app.user_id()));
grant select on notes to authenticated;
create view inner_view as select * from notes;
create view outer_view with (security_invoker) as select * from inner_view;
grant select on outer_view to authenticated;
create role doctor_reader;
create view own_notes as select * from notes;
grant create on schema public to doctor_reader;
alter view own_notes owner to doctor_reader;
revoke create on schema public from doctor_reader;
grant select on own_notes to authenticated;
