-- sound: A job has a login, a grant and a policy of its own.
-- shape: orders
-- shown: false

-- [both]
reset role;
create role shop_job login;
set role shop_owner;
grant usage on schema shop to shop_job;
grant select on shop.orders to shop_job;
create policy job on shop.orders for select to shop_job using (true);

-- [proof]
-- as: ann
select count(*) > 0 as shown from shop.orders where customer = 2;
