-- expect: RLS081:app.count_of_notes() | RLS081:app.total() (error) | RLS081:authenticated
create table notes (id uuid primary key, owner text);
alter table notes enable row level security;
create policy notes_read on notes for select to authenticated using (id = (select app.user_id()));
grant select on notes to authenticated;
alter role authenticated set row_security = off;
-- FORCE: the policies hold for the owner of the function as well, and the query fails instead of being filtered.
create role doctor_owner;
create table bills (id uuid primary key, org integer not null);
create index on bills (org);
alter table bills enable row level security;
alter table bills force row level security;
create policy bills_org on bills to authenticated, doctor_owner using (org = (select (app.claims() ->> 'org')::integer));
grant select on bills to authenticated;
create function app.total() returns bigint language sql stable security definer
  set search_path = pg_catalog, pg_temp set row_security = off
  as 'select count(*) from public.bills where org = (app.claims() ->> ''org'')::integer';
revoke execute on function app.total() from public;
grant execute on function app.total() to authenticated;
create function app.count_of_notes() returns bigint language sql stable set row_security = off begin atomic
  select count(*) from public.notes;
end;
grant create on schema public, app to doctor_owner;
grant usage on schema app to doctor_owner;
alter table bills owner to doctor_owner;
alter function app.total() owner to doctor_owner;
revoke create on schema public, app from doctor_owner;
