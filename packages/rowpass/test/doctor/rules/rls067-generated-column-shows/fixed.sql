-- expect: none
create table people (id uuid primary key, email text, folded text generated always as (lower(email)) stored);
alter table people enable row level security;
create policy people_read on people for select to authenticated using (id = (select app.user_id()));
grant select (id) on people to authenticated;
