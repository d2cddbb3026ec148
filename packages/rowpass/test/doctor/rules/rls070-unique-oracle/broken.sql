-- expect: RLS070:public.people:public.people_email_key
create table people (id uuid primary key, tenant_id uuid not null, email text unique);
create index on people (tenant_id);
alter table people enable row level security;
create policy people_read on people for select to authenticated using (tenant_id = (select app.tenant_id()));
create policy people_add on people for insert to authenticated with check (tenant_id = (select app.tenant_id()));
grant select, insert on people to authenticated;
