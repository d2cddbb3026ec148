-- expect: none
-- Names that were looked up when the function was made; a path that ends with pg_temp; a CTE and a table of the system.
create table members (person uuid, org integer, primary key (person, org));
create index on members (org);
alter table members enable row level security;
create policy members_own on members for select to authenticated using (person = (select app.user_id()));
grant select on members to authenticated;
create function app.by_atomic() returns integer language sql stable begin atomic
  select max(org) from members where person = app.user_id();
end;
create function app.by_path() returns integer language sql stable set search_path = public, pg_temp
  as 'with mine as (select org from members where person = app.user_id()) select max(org) from mine, pg_class';
create table files (id uuid primary key, org integer not null, other integer not null);
create index on files (org, other);
alter table files enable row level security;
create policy files_read on files for select to authenticated
  using (org = (select app.by_atomic()) and other = (select app.by_path()));
grant select on files to authenticated;
-- What a trigger of a statement calls the rows that it has changed.
create function app.changed() returns trigger language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  if exists (select from fresh where other < 0) then raise exception 'no such number'; end if;
  return null;
end $$;
create trigger changed after update on files referencing new table as fresh for each statement execute function app.changed();
