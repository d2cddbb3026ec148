-- expect: RLS012:public.countries:countries_read
create table countries (code text primary key);
alter table countries enable row level security;
create policy countries_read on countries for select to authenticated using (true);
grant select on countries to authenticated;
