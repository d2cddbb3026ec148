-- expect: RLS024:public.notes:notes_read
create table notes (owner name primary key);
alter table notes enable row level security;
create function app.me() returns name language sql stable security definer set search_path = pg_catalog, pg_temp
  return current_user;
revoke execute on function app.me() from public;
grant execute on function app.me() to authenticated;
create policy notes_read on notes for select to authenticated using (owner = (select app.me()));
grant select on notes to authenticated;
