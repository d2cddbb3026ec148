-- Invoices. One claim, app.tenant_id, read through a function in SQL. The owner of the tables is not the API's role.
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

alter default privileges in schema public grant select, insert, update, delete on tables to saas_api;
