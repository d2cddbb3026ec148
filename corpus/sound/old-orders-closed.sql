-- sound: A table inherits from another, and nobody has a right to it.
-- shape: orders
-- shown: 42501

-- [both]
create table shop.old_orders () inherits (shop.orders);
insert into shop.old_orders (customer, number, cents) values (2, 0, 40);

-- [proof]
-- as: ann
select count(*) > 0 as shown from shop.old_orders;
