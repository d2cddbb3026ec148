-- sound: What is archived is hidden by a restrictive policy.
-- shape: orders
-- shown: false

-- [both]
create policy not_archived on shop.orders as restrictive for select to shop_app using (not archived);

-- [proof]
-- as: ann
select count(*) > 0 as shown from shop.orders where customer = 2;
