-- Text keys, nobody's tenant: rows of a person, a shared catalogue, a partitioned table, a view of the caller's, one of the owner's.
-- identity: {"name": "kim", "role": "shop_app", "claims": {"user": "kim"}}
-- identity: {"name": "lea", "role": "shop_app", "claims": {"user": "lea"}}
create role shop_owner nologin bypassrls;
create role shop_app nologin;
create schema shop authorization shop_owner;
set role shop_owner;
create table shop.items (sku text primary key, listed boolean not null, cost int not null);
create table shop.carts (id text primary key, buyer text not null, shared_with text[] not null default '{}', closed_at date);
create table shop.lines (cart text not null references shop.carts, sku text not null references shop.items, n int not null, primary key (cart, sku));
create table shop.events (at date not null, buyer text not null, what text) partition by range (at);
create table shop.events_2024 partition of shop.events for values from ('2024-01-01') to ('2025-01-01');
create table shop.events_2025 partition of shop.events for values from ('2025-01-01') to ('2026-01-01');
create index lines_sku on shop.lines (sku);
create index carts_buyer on shop.carts (buyer);
create index events_buyer on shop.events (buyer);
insert into shop.items select 's' || n, n % 4 > 0, n from generate_series(1, 20) n;
insert into shop.carts select 'c' || n, (array['kim', 'lea', 'max'])[1 + n % 3], case when n % 5 = 0 then array['kim'] else '{}' end,
  case when n % 2 = 0 then date '2024-06-01' end from generate_series(1, 30) n;
insert into shop.lines select 'c' || n, 's' || (1 + n % 20), n from generate_series(1, 30) n;
insert into shop.events select date '2024-01-10' + n * 10, (array['kim', 'lea', 'max'])[1 + n % 3], 'w' from generate_series(1, 60) n;
alter table shop.items enable row level security;
alter table shop.carts enable row level security;
alter table shop.lines enable row level security;
alter table shop.events enable row level security;
create policy items_listed on shop.items for select to public using (listed);
create policy carts_own on shop.carts to shop_app
  using (buyer = (select current_setting('shop.user', true))) with check (buyer = (select current_setting('shop.user', true)));
create policy carts_shared on shop.carts for select to shop_app
  using ((select current_setting('shop.user', true)) = any (shared_with));
create policy lines_of_cart on shop.lines to shop_app
  using (exists (select from shop.carts c where c.id = cart and c.buyer = (select current_setting('shop.user', true))));
create policy events_own on shop.events for select to shop_app using (buyer = (select current_setting('shop.user', true)));
create policy events_old on shop.events as restrictive for select to shop_app using (at < date '2025-07-01');
create view shop.open_carts with (security_invoker) as select * from shop.carts where closed_at is null;
grant usage on schema shop to shop_app;
grant select on shop.items, shop.events, shop.open_carts to shop_app;
grant select, insert, update, delete on shop.carts, shop.lines to shop_app;
