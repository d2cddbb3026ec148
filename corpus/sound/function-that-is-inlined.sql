-- sound: A function of SQL that says who asks is written into the query, and its index is used.
-- shape: orders
-- shown: false

-- [both]
create function shop.me() returns int language sql stable return nullif(current_setting('shop.customer', true), '')::int;
grant execute on function shop.me() to shop_app;
alter policy own on shop.orders using (customer = (select shop.me())) with check (customer = (select shop.me()));

-- [proof]
-- as: ann
set local enable_seqscan = off;
-- plan: select * from shop.orders
select not current_setting('proof.plan')::jsonb @? '$.** ? (@."Index Cond" like_regex "customer")' as shown;
