-- fault: ON DELETE SET NULL changes rows that no policy would let this role change.
-- shape: orders
-- objects: shop.reviews, reviews_customer_number_fkey
-- level: warning
-- rowpass: RLS072
-- requirements: 57
-- shown: true, fixed 23503

-- [both]
create table shop.reviews (id int primary key, author int not null, customer int, number int);
create index on shop.reviews (author);
alter table shop.reviews enable row level security;
create policy own on shop.reviews for select to shop_app using (author = (select nullif(current_setting('shop.customer', true), '')::int));
grant select on shop.reviews to shop_app;
insert into shop.reviews values (1, 2, 1, 1);
-- [broken]
alter table shop.reviews add foreign key (customer, number) references shop.orders on delete set null;
-- [fixed]
alter table shop.reviews add foreign key (customer, number) references shop.orders;

-- [proof]
-- as: ann
delete from shop.items where customer = 1;
delete from shop.orders where customer = 1;
reset session authorization;
select count(*) = 1 as shown from shop.reviews where customer is null;
