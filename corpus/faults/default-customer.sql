-- fault: A missing setting falls back to a customer that exists.
-- shape: orders
-- objects: shop.orders, own
-- level: error
-- rowpass: RLS018, RLS021
-- requirements: 43, 54
-- shown: true, fixed false

-- [broken]
alter policy own on shop.orders
  using (customer = coalesce((select nullif(current_setting('shop.customer', true), '')::int), 1));

-- [proof]
-- as: emptied
select count(*) > 0 as shown from shop.orders;
