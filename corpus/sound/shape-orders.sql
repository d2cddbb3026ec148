-- sound: The login of the one program is the role of requests, and owns nothing.
-- shape: orders
-- shown: false

-- [proof]
-- as: emptied
select count(*) > 0 as shown from shop.orders;
