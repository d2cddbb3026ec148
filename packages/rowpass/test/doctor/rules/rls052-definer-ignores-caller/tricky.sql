-- expect: RLS052:app.mine() | RLS057:app.own():public.notes
-- mine: the claim is in a comment only. through: it asks through another function. own: its owner is under the policies.
create table notes (id uuid primary key, owner text);
alter table notes enable row level security;
create policy notes_read on notes for select to authenticated using (id = (select app.user_id()));
grant select on notes to authenticated;
create function app.mine() returns bigint language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
begin
  -- app.user_id()
  return (select count(*) from public.notes);
end $$;
revoke execute on function app.mine() from public;
grant execute on function app.mine() to authenticated;
create function app.is_mine(note uuid) returns boolean language sql stable as 'select note = app.user_id()';
create function app.through() returns bigint language sql stable security definer set search_path = pg_catalog, pg_temp
  as 'select count(*) from public.notes where app.is_mine(id)';
create role doctor_reader;
create function app.own() returns bigint language sql stable security definer set search_path = pg_catalog, pg_temp
  as 'select count(*) from public.notes';
grant create on schema app to doctor_reader;
alter function app.own() owner to doctor_reader;
revoke create on schema app from doctor_reader;
revoke execute on function app.through(), app.own() from public;
grant execute on function app.through(), app.own() to authenticated;
