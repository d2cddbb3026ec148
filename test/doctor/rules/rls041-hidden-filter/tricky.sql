-- expect: none
-- A sub-select without a table.
create table notes (team uuid primary key);
alter table notes enable row level security;
create policy notes_read on notes for select to authenticated
  using (team = any (array(select x from unnest(array[app.tenant_id()]) x)));
grant select on notes to authenticated;
