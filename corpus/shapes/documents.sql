-- shape: Documents of a tenant. The token names the person only; the table of people says which tenant they belong to.
-- owner: saas_owner
-- requests: saas_api
-- person ann: set local role saas_api; select set_config('app.current_user', 'a1000000-0000-4000-8000-000000000001', true);
-- person bob: set local role saas_api; select set_config('app.current_user', 'b1000000-0000-4000-8000-000000000001', true);
-- include: saas

set role saas_owner;
create function app_user() returns uuid
  language plpgsql stable set search_path = ''
  as $$ begin return nullif(current_setting('app.current_user', true), '')::uuid; end $$;
grant execute on function app_user() to saas_api;

create table people (
  id uuid primary key,
  tenant_id uuid not null,
  display_name text not null,
  locale text not null default 'en'
);
create index people_of_tenant on people (tenant_id);
create table documents (
  id uuid primary key default gen_random_uuid(),
  tenant_id uuid not null,
  title text not null,
  body text not null default ''
);
create index documents_of_tenant on documents (tenant_id);

alter table people enable row level security;
alter table people force row level security;
create policy people_read on people for select to saas_api
  using (id = (select app_user()));
create policy people_change on people for update to saas_api
  using (id = (select app_user()))
  with check (id = (select app_user()));

alter table documents enable row level security;
alter table documents force row level security;
create policy documents_read on documents for select to saas_api
  using (tenant_id = (select p.tenant_id from people p where p.id = (select app_user())));
create policy documents_add on documents for insert to saas_api
  with check (tenant_id = (select p.tenant_id from people p where p.id = (select app_user())));

grant select on people to saas_api;
grant update (display_name, locale) on people to saas_api;
grant select, insert on documents to saas_api;
reset role;

insert into people (id, tenant_id, display_name) values
  ('a1000000-0000-4000-8000-000000000001', 'a0000000-0000-4000-8000-00000000000a', 'Ann'), ('b1000000-0000-4000-8000-000000000001', 'b0000000-0000-4000-8000-00000000000b', 'Bob');
insert into documents (tenant_id, title) values ('a0000000-0000-4000-8000-00000000000a', 'Menu'), ('b0000000-0000-4000-8000-00000000000b', 'Contracts'), ('b0000000-0000-4000-8000-00000000000b', 'Plans');

-- [works]
-- as: ann
update people set display_name = 'Anna' where id = 'a1000000-0000-4000-8000-000000000001';
insert into documents (tenant_id, title) values ('a0000000-0000-4000-8000-00000000000a', 'Wine');
select count(*) = 2 as works from documents where tenant_id = 'a0000000-0000-4000-8000-00000000000a';
