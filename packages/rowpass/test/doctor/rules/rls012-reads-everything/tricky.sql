-- expect: RLS012:public.countries:countries_read
-- A comparison that holds for every row.
create table countries (code text primary key, hidden boolean);
alter table countries enable row level security;
create policy countries_read on countries for select to authenticated using (hidden or code = code);
grant select on countries to authenticated;
