-- expect: none
create table notes (id uuid primary key, owner text);
alter table notes enable row level security;
create policy notes_read on notes for select to authenticated using (id = (select app.user_id()));
grant select on notes to authenticated;
create function app.mine() returns bigint language sql stable security definer set search_path = pg_catalog, pg_temp
  as 'select count(*) from public.notes where id = app.user_id()';
revoke execute on function app.mine() from public;
grant execute on function app.mine() to authenticated;
