-- fault: A function that says who asks is VOLATILE and called bare: once for every row, and no index.
-- shape: orders
-- objects: shop.orders, own
-- level: warning
-- rowpass: RLS034, RLS030
-- requirements: 55
-- shown: true, fixed false

-- [broken]
create function shop.me() returns int language plpgsql as $$ begin return nullif(current_setting('shop.customer', true), '')::int; end $$;
grant execute on function shop.me() to shop_app;
alter policy own on shop.orders using (customer = shop.me());
-- [fixed]
create function shop.me() returns int language plpgsql stable as $$ begin return nullif(current_setting('shop.customer', true), '')::int; end $$;
grant execute on function shop.me() to shop_app;
alter policy own on shop.orders using (customer = (select shop.me()));

-- [proof]
-- as: ann
set local enable_seqscan = off;
-- plan: select * from shop.orders
select not current_setting('proof.plan')::jsonb @? '$.** ? (@."Index Cond" like_regex "customer")' as shown;
