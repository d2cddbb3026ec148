-- fault: A policy that was meant to narrow is permissive, and opens what is not archived.
-- shape: orders
-- objects: shop.orders, not_archived
-- level: error
-- rowpass: RLS013
-- splinter: multiple_permissive_policies
-- requirements: 53
-- shown: true, fixed false

-- [broken]
create policy not_archived on shop.orders for select to shop_app using (not archived);
-- [fixed]
create policy not_archived on shop.orders as restrictive for select to shop_app using (not archived);

-- [proof]
-- as: ann
select count(*) > 0 as shown from shop.orders where customer = 2;
