-- shape: A shop of one program: its login is the role of requests, another login migrates, and a setting says which customer asks.
-- owner: shop_owner
-- requests: shop_app
-- schemas: shop
-- person ann: set local session authorization shop_app; select set_config('shop.customer', '1', true);
-- person bob: set local session authorization shop_app; select set_config('shop.customer', '2', true);
-- person nobody: set local session authorization shop_app;
-- person emptied: set local session authorization shop_app; select set_config('shop.customer', '', true);

create role shop_owner nologin;
create role shop_migrator login noinherit;
create role shop_app login;
grant shop_owner to shop_migrator;
do $$
begin
  execute format('grant create on database %I to shop_owner', current_database());
  execute format('revoke temporary on database %I from public', current_database());
end
$$;
set role shop_owner;
alter default privileges revoke execute on functions from public;
create schema shop;
grant usage on schema shop to shop_app;
create table shop.customers (id int primary key, name text not null);
create table shop.orders (
  customer int not null references shop.customers,
  number int not null,
  placed date not null default current_date,
  archived boolean not null default false,
  cents bigint not null,
  primary key (customer, number)
);
create table shop.items (
  customer int not null,
  number int not null,
  line int not null,
  product text not null,
  primary key (customer, number, line),
  foreign key (customer, number) references shop.orders on delete cascade
);
alter table shop.customers enable row level security;
alter table shop.orders enable row level security;
alter table shop.items enable row level security;
create policy self on shop.customers for select to shop_app
  using (id = (select nullif(current_setting('shop.customer', true), '')::int));
create policy own on shop.orders to shop_app
  using (customer = (select nullif(current_setting('shop.customer', true), '')::int))
  with check (customer = (select nullif(current_setting('shop.customer', true), '')::int));
create policy own on shop.items to shop_app
  using (customer = (select nullif(current_setting('shop.customer', true), '')::int))
  with check (customer = (select nullif(current_setting('shop.customer', true), '')::int));
grant select on shop.customers to shop_app;
grant select, insert, update, delete on shop.orders, shop.items to shop_app;
reset role;
insert into shop.customers values (1, 'Ann'), (2, 'Bob');
insert into shop.orders (customer, number, cents) values (1, 1, 500), (2, 1, 700), (2, 2, 900);
insert into shop.items values (1, 1, 1, 'lamp'), (2, 1, 1, 'ring'), (2, 2, 1, 'safe');

-- [works]
-- as: ann
insert into shop.orders (customer, number, cents) values (1, 2, 100);
insert into shop.items values (1, 2, 1, 'bulb');
update shop.orders set cents = 110 where customer = 1 and number = 2;
select count(*) = 2 as works from shop.orders where customer = 1;
