-- fault: A table that inherits from another has no policy of its own, and a grant.
-- shape: orders
-- objects: shop.old_orders
-- level: error
-- rowpass: RLS043, RLS001
-- splinter: rls_disabled_in_public
-- requirements: 50
-- shown: true, fixed 42501

-- [both]
create table shop.old_orders () inherits (shop.orders);
insert into shop.old_orders (customer, number, cents) values (2, 0, 40);
-- [broken]
grant select on shop.old_orders to shop_app;

-- [proof]
-- as: ann
select count(*) > 0 as shown from shop.old_orders;
