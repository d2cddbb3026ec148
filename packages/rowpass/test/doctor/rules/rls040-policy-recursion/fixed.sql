-- expect: none
create table a (id uuid primary key);
create table b (id uuid primary key);
alter table a enable row level security;
alter table b enable row level security;
create function app.bs() returns uuid[] language sql stable security definer set search_path = pg_catalog, pg_temp
  begin atomic
    select array(select id from public.b where id = app.user_id());
  end;
revoke execute on function app.bs() from public;
grant execute on function app.bs() to authenticated;
create policy a_read on a for select to authenticated using (id = any ((select app.bs())::uuid[]));
create policy b_read on b for select to authenticated using (id = (select app.user_id()));
grant select on a, b to authenticated;
