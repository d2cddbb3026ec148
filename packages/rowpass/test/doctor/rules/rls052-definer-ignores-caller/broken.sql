-- expect: RLS052:app.clean() (warning) | RLS052:app.empty() (error) | RLS052:app.mine() (warning) | RLS052:app.register(text) (warning) | RLS052:app.reset(uuid, text) (warning) | RLS052:app.seen(uuid) (warning) | RLS052:app.wipe(integer) (error) | RLS052:app.wipe_all(integer) (error)
create table notes (id uuid primary key, owner text);
alter table notes enable row level security;
create policy notes_read on notes for select to authenticated using (id = (select app.user_id()));
grant select on notes to authenticated;
create function app.mine() returns setof public.notes language sql stable security definer set search_path = pg_catalog, pg_temp
  as 'select * from public.notes';
-- The owner has a policy of its own, as it needs one under FORCE; what deletes is a function that this one calls.
create role doctor_owner;
create table bills (id uuid primary key, org integer not null, seen integer);
create index on bills (org);
alter table bills enable row level security;
alter table bills force row level security;
create policy bills_org on bills for select to authenticated using (org = (select (app.claims() ->> 'org')::integer));
create policy bills_owner on bills for delete to doctor_owner using (org > 0);
grant select on bills to authenticated;
create procedure app.clear(p integer) language plpgsql as $$ begin delete from public.bills where org = p; end $$;
create function app.wipe(p integer) returns void language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin call app.clear(p); end $$;
grant create on schema public, app to doctor_owner;
grant usage on schema app to doctor_owner;
alter table bills owner to doctor_owner;
alter function app.wipe(integer) owner to doctor_owner;
revoke create on schema public, app from doctor_owner;
create function app.wipe_all(p integer) returns void language sql security definer set search_path = pg_catalog, pg_temp
  as 'delete from public.bills where org = p';
create function app.empty() returns void language sql security definer set search_path = pg_catalog, pg_temp
  as 'truncate public.notes';
-- Less: who has a code or a password, what only counts, adds, or clears away what is over.
create function app.reset(note uuid, code text) returns void language sql security definer set search_path = pg_catalog, pg_temp
  as 'delete from public.notes where id = note and owner = code';
create function app.seen(bill uuid) returns void language sql security definer set search_path = pg_catalog, pg_temp
  as 'update public.bills set seen = seen + 1 where id = bill';
create function app.register(name text) returns void language sql security definer set search_path = pg_catalog, pg_temp
  as 'insert into public.notes (id, owner) values (gen_random_uuid(), name)';
create function app.clean() returns void language sql security definer set search_path = pg_catalog, pg_temp
  as 'delete from public.notes where owner is null';
revoke execute on all routines in schema app from public;
grant execute on all functions in schema app to authenticated;
