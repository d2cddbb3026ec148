-- expect: none
create table people (id uuid primary key default gen_random_uuid(), role text not null, name text);
alter table people enable row level security;
create policy people_read on people for select to authenticated using (id = (select app.user_id()));
create policy people_update on people for update to authenticated using (id = (select app.user_id()));
grant select, update (name) on people to authenticated;
create table notes (id uuid primary key);
alter table notes enable row level security;
create function app.is_admin() returns boolean language sql stable security definer set search_path = pg_catalog, pg_temp
  begin atomic
    select exists (select from public.people where id = app.user_id() and role = 'admin');
  end;
revoke execute on function app.is_admin() from public;
grant execute on function app.is_admin() to authenticated;
create policy notes_read on notes for select to authenticated using ((select app.is_admin()));
grant select on notes to authenticated;
