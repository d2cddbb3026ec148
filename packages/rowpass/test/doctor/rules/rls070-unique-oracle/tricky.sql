-- expect: RLS070:public.people:public.people_lower_idx
-- An index over an expression. A key nobody can write, one of a random value, and one with a random part, tell nothing.
create table people (id uuid primary key, tenant_id uuid not null, email text, number bigint generated always as identity unique);
create index on people (tenant_id);
create unique index on people (lower(email));
alter table people enable row level security;
create policy people_read on people for select to authenticated using (tenant_id = (select app.tenant_id()));
create policy people_add on people for insert to authenticated with check (tenant_id = (select app.tenant_id()));
grant select, insert on people to authenticated;
create table events (id uuid not null default gen_random_uuid(), tenant_id uuid not null, at date not null, primary key (id, at));
create index on events (tenant_id);
alter table events enable row level security;
create policy events_read on events for select to authenticated using (tenant_id = (select app.tenant_id()));
create policy events_add on events for insert to authenticated with check (tenant_id = (select app.tenant_id()));
grant select, insert on events to authenticated;
