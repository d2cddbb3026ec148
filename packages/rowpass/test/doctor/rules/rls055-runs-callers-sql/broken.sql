-- expect: RLS055:app.by_expression(text) | RLS055:app.by_filter(jsonb) | RLS055:app.by_number(text) | RLS055:app.by_row(public.notes) | RLS055:app.by_parts(text, text[]) | RLS055:app.by_way(text) | RLS055:app.count_by_state(text) | RLS055:app.exec_sql(text) | RLS055:app.exported(text) | RLS055:app.tagged()
create table notes (id uuid primary key, org integer not null, state text);
create index on notes (org);
alter table notes enable row level security;
create function app.org() returns integer language sql stable return (app.claims() ->> 'org')::integer;
create policy notes_org on notes to authenticated using (org = (select app.org()));
grant select on notes to authenticated;
create function app.count_by_state(p text) returns bigint language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
declare n bigint;
begin
  execute format('select count(*) from public.notes where org = $1 and state = ''%s''', p) into n using app.org();
  return n;
end $$;
create function app.exec_sql(q text) returns json language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare result json;
begin
  execute 'select json_agg(t) from (' || q || ') t' into result using app.org();
  return result;
end $$;
-- Through variables, an array, and a quote that is no quote.
create function app.by_parts(kind text, parts text[]) returns setof bigint language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
declare
  condition text := 'org = ' || app.org();
  part text;
begin
  foreach part in array parts loop
    condition := condition || ' and ' || part;
  end loop;
  return query execute 'select count(*) from public.notes where ' || condition;
end $$;
create function app.by_expression(p text) returns bigint language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
declare n bigint;
begin
  for n in execute concat('select count(*) from public.notes where org = ', app.org(), ' and state = ''', replace(p, '''', '"'), '''') loop
    return n;
  end loop;
  return n;
end $$;
-- Through others: a function of the caller’s rights that runs as the owner here, and one of SQL.
create function app.run(sql text) returns bigint language plpgsql as $$
declare n bigint; begin execute sql into n; return n; end $$;
create function app.by_way(p text) returns bigint language sql security definer set search_path = pg_catalog, pg_temp
  as 'select app.run(''select count(*) from public.notes where org = '' || app.org() || '' and '' || p)';
create function app.exported(q text) returns xml language sql stable security definer set search_path = pg_catalog, pg_temp
  as 'select pg_catalog.query_to_xml(q, true, false, '''') where app.org() > 0';
-- A number is safe as long as it is one.
create function app.by_number(text) returns bigint language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
declare n bigint;
begin
  execute 'select count(*) from public.notes where org = ' || app.org() || ' limit ' || $1 into n;
  return n;
end $$;
create function app.by_filter(filter jsonb) returns bigint language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
declare
  part record;
  condition text := 'org = ' || app.org();
  n bigint;
begin
  for part in select * from jsonb_each_text(filter) loop
    condition := condition || format(' and %I = ''%s''', part.key, part.value);
  end loop;
  execute 'select count(*) from public.notes where ' || condition into n;
  return n;
end $$;
create function app.by_row(note public.notes) returns bigint language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
declare
  found refcursor;
  n bigint;
begin
  open found for execute 'select count(*) from public.notes where org = ' || app.org() || ' and state = ''' || note.state || '''';
  fetch found into n;
  return n;
end $$;
create table tags (id uuid primary key, name text not null, author uuid not null);
create index on tags (author);
alter table tags enable row level security;
create policy tags_own on tags to authenticated using (author = (select app.user_id()));
grant select, insert (id, name, author) on tags to authenticated;
create function app.tagged() returns trigger language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  execute format('comment on column public.notes.state is ''%s''', new.name);
  return new;
end $$;
create trigger tagged after insert on tags for each row execute function app.tagged();
revoke execute on all functions in schema app from public;
grant execute on all functions in schema app to authenticated;
revoke execute on function app.run from authenticated;
