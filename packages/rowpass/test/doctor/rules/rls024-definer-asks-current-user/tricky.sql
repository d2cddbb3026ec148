-- expect: none
-- The function only mentions it in a comment and in a text.
create table notes (owner name primary key);
alter table notes enable row level security;
create function app.me() returns name language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
begin
  -- not current_user
  return coalesce(app.claims() ->> 'sub', 'current_user');
end $$;
revoke execute on function app.me() from public;
grant execute on function app.me() to authenticated;
create policy notes_read on notes for select to authenticated using (owner = (select app.me()));
grant select on notes to authenticated;
