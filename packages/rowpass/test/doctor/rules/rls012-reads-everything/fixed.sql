-- expect: none
create table countries (code text primary key, hidden boolean);
alter table countries enable row level security;
create policy countries_read on countries for select to authenticated using (not hidden);
grant select on countries to authenticated;
