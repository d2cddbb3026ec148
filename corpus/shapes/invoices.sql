-- shape: Invoices. One claim, app.tenant_id, read through a function in SQL. The owner of the tables is not the API's role.
-- owner: saas_owner
-- requests: saas_api
-- schemas: public, app
-- person ann: set local role saas_api; select set_config('app.tenant_id', 'a0000000-0000-4000-8000-00000000000a', true);
-- person bob: set local role saas_api; select set_config('app.tenant_id', 'b0000000-0000-4000-8000-00000000000b', true);
-- include: saas

set role saas_owner;
create schema app;
grant usage on schema app to saas_api;
create function app.tenant_id() returns uuid
  language sql stable set search_path = ''
  as $$ select nullif(current_setting('app.tenant_id', true), '')::uuid $$;
grant execute on function app.tenant_id() to saas_api;

create table currencies (
  code char(3) primary key,
  name text not null
);
create table customers (
  id uuid primary key default gen_random_uuid(),
  tenant_id uuid not null,
  name text not null,
  email text not null,
  unique (tenant_id, id),
  unique (tenant_id, email)
);
create table invoices (
  id uuid primary key default gen_random_uuid(),
  tenant_id uuid not null,
  customer_id uuid not null,
  number int not null,
  currency char(3) not null references currencies (code),
  total_cents bigint not null,
  issued_on date not null default current_date,
  unique (tenant_id, number),
  foreign key (tenant_id, customer_id) references customers (tenant_id, id)
);
create index invoices_of_customer on invoices (tenant_id, customer_id);
create index invoices_of_currency on invoices (currency);

alter table currencies enable row level security;
create policy currencies_read on currencies for select to saas_api using (true);

alter table customers enable row level security;
create policy customers_own on customers for all to saas_api
  using (tenant_id = (select app.tenant_id()))
  with check (tenant_id = (select app.tenant_id()));

alter table invoices enable row level security;
create policy invoices_own on invoices for all to saas_api
  using (tenant_id = (select app.tenant_id()))
  with check (tenant_id = (select app.tenant_id()));

grant select on currencies to saas_api;
grant select, insert, update, delete on customers, invoices to saas_api;
reset role;

insert into currencies values ('EUR', 'Euro'), ('GBP', 'Pound sterling');
insert into customers (id, tenant_id, name, email) values
  ('ac000000-0000-4000-8000-000000000001', 'a0000000-0000-4000-8000-00000000000a', 'Quarry', 'desk@quarry.example'),
  ('bc000000-0000-4000-8000-000000000001', 'b0000000-0000-4000-8000-00000000000b', 'Harbour', 'desk@harbour.example');
insert into invoices (tenant_id, customer_id, number, currency, total_cents) values
  ('a0000000-0000-4000-8000-00000000000a', 'ac000000-0000-4000-8000-000000000001', 1, 'EUR', 12000),
  ('b0000000-0000-4000-8000-00000000000b', 'bc000000-0000-4000-8000-000000000001', 1, 'GBP', 990000),
  ('b0000000-0000-4000-8000-00000000000b', 'bc000000-0000-4000-8000-000000000001', 2, 'GBP', 5000);

-- [works]
-- as: ann
insert into customers (tenant_id, name, email) values ('a0000000-0000-4000-8000-00000000000a', 'Mill', 'desk@mill.example');
insert into invoices (tenant_id, customer_id, number, currency, total_cents)
  values ('a0000000-0000-4000-8000-00000000000a', 'ac000000-0000-4000-8000-000000000001', 2, 'EUR', 100);
update invoices set total_cents = 200 where number = 2 and tenant_id = 'a0000000-0000-4000-8000-00000000000a';
select count(*) = 2 as works from invoices where tenant_id = 'a0000000-0000-4000-8000-00000000000a';
