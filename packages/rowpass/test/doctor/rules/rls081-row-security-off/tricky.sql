-- expect: RLS081:all
-- For a role that is past policies it is what keeps dumps whole, and so for a function of somebody past them. For everybody in
-- this database it is not.
create table notes (id uuid primary key, owner text);
alter table notes enable row level security;
create policy notes_read on notes for select to authenticated using (id = (select app.user_id()));
grant select on notes to authenticated;
create role doctor_dump login bypassrls;
alter role doctor_dump set row_security = off;
do $$ begin execute format('alter database %I set row_security = off', current_database()); end $$;
create function app.total() returns bigint language sql stable security definer
  set search_path = pg_catalog, pg_temp set row_security = off
  as 'select count(*) from public.notes where id = app.user_id()';
revoke execute on function app.total() from public;
grant execute on function app.total() to authenticated;
