-- expect: none
create role doctor_owner;
create table notes (id bigint generated always as identity primary key, owner uuid not null);
create index on notes (owner);
alter table notes enable row level security;
create policy notes_own on notes to authenticated using (owner = (select app.user_id()));
grant select on notes to authenticated;
create function app.register(person uuid) returns void language sql security definer set search_path = pg_catalog, pg_temp
  as 'insert into public.notes (owner) select person where person = app.user_id()';
revoke execute on function app.register from public;
grant execute on function app.register to authenticated;
grant create on schema app to doctor_owner;
grant usage on schema app to doctor_owner;
alter function app.register owner to doctor_owner;
revoke create on schema app from doctor_owner;
grant create on schema public to doctor_owner;
alter table notes owner to doctor_owner;
revoke create on schema public from doctor_owner;
