-- fault: WITH CHECK (true) beside a USING that is right: rows are written for other customers, and given to them.
-- shape: orders
-- objects: shop.orders, own
-- level: error
-- rowpass: RLS011, RLS015, RLS014
-- splinter: rls_policy_always_true
-- requirements: 53
-- shown: true, fixed 42501

-- [broken]
alter policy own on shop.orders with check (true);

-- [proof]
-- as: ann
insert into shop.orders (customer, number, cents) values (2, 99, 1);
-- as: bob
select count(*) = 1 as shown from shop.orders where number = 99;
