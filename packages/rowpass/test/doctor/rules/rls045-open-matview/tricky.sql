-- expect: RLS045:public.of_a_view
-- One reads a view with security_invoker, which does not help: it was the owner who refreshed. The other reads no
-- protected table.
create table notes (id uuid primary key, owner text);
alter table notes enable row level security;
create policy notes_read on notes for select to authenticated using (id = (select app.user_id()));
grant select on notes to authenticated;
create view shown with (security_invoker) as select * from notes;
create materialized view of_a_view as select * from shown;
create table plain (id uuid primary key);
create materialized view of_a_table as select * from plain;
grant select on of_a_view, of_a_table to authenticated;
