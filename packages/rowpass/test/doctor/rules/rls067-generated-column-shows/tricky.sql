-- expect: none
-- Made of what may be read anyway. A default is a value of its own.
create table people (id uuid primary key, name text, email text default 'none',
  folded text generated always as (lower(name)) stored);
alter table people enable row level security;
create policy people_read on people for select to authenticated using (id = (select app.user_id()));
grant select (id, name, folded) on people to authenticated;
