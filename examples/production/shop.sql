-- What is there already: an application that logs in as shop_app and serves its customers' invoices.
begin;
create role shop_app nologin;
create table invoices (
  id bigint generated always as identity primary key,
  org_id uuid not null,
  amount numeric(12, 2) not null
);
grant select, insert, update, delete on invoices to shop_app;
insert into invoices (org_id, amount) values
  ('0a0a0a0a-0000-4000-8000-000000000001', 10), ('0a0a0a0a-0000-4000-8000-000000000001', 20),
  ('0b0b0b0b-0000-4000-8000-000000000002', 99);
commit;
