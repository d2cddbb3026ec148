-- expect: none
-- Text that nobody else can choose: of a list, of a CASE, of numbers, of the catalog, quoted on the way; and a function that
-- nobody may call.
create table notes (id uuid primary key, org integer not null, state text);
create index on notes (org);
alter table notes enable row level security;
create function app.org() returns integer language sql stable return (app.claims() ->> 'org')::integer;
create policy notes_org on notes to authenticated using (org = (select app.org()));
grant select on notes to authenticated;
create function app.sorted(direction text, lines integer, kind text) returns setof text language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
declare
  sort text := case when direction = 'down' then 'desc' else 'asc' end;
  safe text;
begin
  if kind not in ('state', 'org') then raise exception 'no such column'; end if;
  safe := quote_ident(direction);
  return query execute 'select state from public.notes where org = ' || app.org()
    || ' order by ' || kind || ' ' || sort || ', ' || safe || ' limit ' || lines;
end $$;
create function app.direction(p text) returns text language sql immutable
  return case p when 'down' then 'desc' else 'asc' end;
create function app.pages(place regclass, direction text, lines text, states text[]) returns setof text language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
declare place_name text;
begin
  select relname into place_name from pg_catalog.pg_class where oid = place;
  return query execute format('select state from %s where org = %s and state in (%s) order by 1 %s limit %s', place, app.org(),
    (select string_agg(quote_literal(s), ',') from unnest(states) as s), app.direction(direction), lines::integer);
end $$;
create function app.anything(q text) returns void language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin execute q; end $$;
revoke execute on all functions in schema app from public;
grant execute on all functions in schema app to authenticated;
revoke execute on function app.anything from authenticated;
