-- Orders of a shop, with row-level security made by hand: the API logs in as shop_login, becomes shop_customer, and says who
-- asks with set_config('app.current_user', …, true). A stand-in for a database that you have; run it in an empty one.
create role shop_owner nologin;
create role shop_customer nologin;
create role shop_login login noinherit;
grant shop_customer to shop_login;
alter schema public owner to shop_owner;

create table orders (
  id uuid primary key default gen_random_uuid(),
  customer_id uuid not null,
  item text not null,
  paid boolean not null default false
);
create table addresses (
  customer_id uuid primary key,
  street text not null
);
alter table orders owner to shop_owner;
alter table addresses owner to shop_owner;

alter table orders enable row level security;
create policy orders_own on orders to shop_customer
  using (customer_id::text = current_setting('app.current_user', true));

grant all on orders to shop_customer;
grant select, update on addresses to shop_customer;

insert into orders (id, customer_id, item) values
  ('01d00000-0000-4000-8000-000000000001', 'ada00000-0000-4000-8000-000000000001', 'a lamp'),
  ('01d00000-0000-4000-8000-000000000002', 'b0b00000-0000-4000-8000-000000000002', 'a ladder');
insert into addresses values
  ('ada00000-0000-4000-8000-000000000001', '1 Mill Lane'),
  ('b0b00000-0000-4000-8000-000000000002', '2 Mill Lane');
