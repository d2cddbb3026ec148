-- expect: none
create table notes (id uuid primary key, org integer not null, state text);
create index on notes (org);
alter table notes enable row level security;
create function app.org() returns integer language sql stable return (app.claims() ->> 'org')::integer;
create policy notes_org on notes to authenticated using (org = (select app.org()));
grant select on notes to authenticated;
create function app.count_by_state(p text) returns bigint language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
declare n bigint;
begin
  execute 'select count(*) from public.notes where org = $1 and state = $2' into n using app.org(), p;
  return n;
end $$;
create function app.exec_sql(q text) returns json language plpgsql security invoker set search_path = pg_catalog, pg_temp as $$
declare result json;
begin
  execute 'select json_agg(t) from (' || q || ') t' into result;
  return result;
end $$;
create function app.by_column(name text, p text) returns bigint language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
declare
  condition text := format('org = %s and %I = %L', app.org(), name, p);
  n bigint;
begin
  execute 'select count(*) from public.notes where ' || condition into n;
  return n;
end $$;
revoke execute on all functions in schema app from public;
grant execute on all functions in schema app to authenticated;
