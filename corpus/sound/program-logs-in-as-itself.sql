-- sound: The login of requests inherits nothing and owns nothing; policies name it.
-- shape: orders
-- shown: 42501

-- [proof]
-- as: ann
alter table shop.orders disable row level security;
select true as shown;
