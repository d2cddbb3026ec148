-- fault: UPDATE on a sequence that all customers share: anybody sets it back, and the next order of others fails.
-- shape: orders
-- objects: shop.bill_numbers
-- level: warning
-- rowpass: RLS065
-- requirements: 56
-- shown: true, fixed 42501

-- [both]
create sequence shop.bill_numbers;
create table shop.bills (customer int not null, number bigint primary key default nextval('shop.bill_numbers'));
create index on shop.bills (customer);
alter table shop.bills enable row level security;
create policy own on shop.bills to shop_app
  using (customer = (select nullif(current_setting('shop.customer', true), '')::int)) with check (customer = (select nullif(current_setting('shop.customer', true), '')::int));
grant select, insert (customer) on shop.bills to shop_app;
grant usage on sequence shop.bill_numbers to shop_app;
-- [broken]
grant update on sequence shop.bill_numbers to shop_app;

-- [proof]
-- as: ann
select setval('shop.bill_numbers', 1) = 1 as shown;
