-- expect: RLS051:app.made() | RLS051:app.mine() | RLS051:app.ours() | RLS061:theirs
-- mine: pg_temp is there, and first. full: an empty path is safe where each table has its schema, also in texts that are
-- executed: without one nothing would be found. made: the text may find its table by the path. ours: a schema in the path where
-- requests may create tables.
create table notes (id uuid primary key, owner text);
alter table notes enable row level security;
create policy notes_read on notes for select to authenticated using (id = (select app.user_id()));
grant select on notes to authenticated;
create function app.mine() returns bigint language plpgsql stable security definer set search_path = pg_temp, public as $$
begin return (select count(*) from notes where id = app.user_id()); end $$;
revoke execute on function app.mine() from public;
grant execute on function app.mine() to authenticated;
create function app.full_names() returns bigint language plpgsql stable security definer set search_path = '' as $$
begin return (select count(*) from public.notes where id = app.user_id()); end $$;
create function app.full_names_made() returns bigint language plpgsql stable security definer set search_path = '' as $$
declare n bigint; begin
  execute 'select count(*) from public.notes where id = $1' into n using app.user_id();
  return n;
end $$;
create function app.made() returns bigint language plpgsql stable security definer set search_path = pg_catalog, public as $$
declare n bigint; begin
  execute 'select count(*) from notes where id = $1' into n using app.user_id();
  return n;
end $$;
create schema theirs;
create role doctor_maker;
grant create, usage on schema theirs to doctor_maker;
grant doctor_maker to authenticated;
create function app.ours() returns bigint language plpgsql stable security definer
  set search_path = theirs, public, pg_temp as $$
begin return (select count(*) from notes where id = app.user_id()); end $$;
revoke execute on function app.full_names(), app.full_names_made(), app.made(), app.ours() from public;
grant execute on function app.full_names(), app.full_names_made(), app.made(), app.ours() to authenticated;
revoke create on schema theirs from doctor_maker;
grant create on schema theirs to authenticated;
