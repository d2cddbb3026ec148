-- by: puzzle_keeper
-- as: {"who": 7}
-- ask: update shop.orders set paid = false
-- happens: 1
-- reasons: rows_hidden, trigger_passes_over
-- says: 1 row of shop.orders, keep_paid of shop.orders
create schema shop authorization puzzle_keeper; set role puzzle_keeper; grant usage on schema shop to puzzle_user;
create table shop.orders (id int primary key, buyer int, paid boolean);
insert into shop.orders values (1, 7, false), (2, 7, true), (3, 8, true);
create function shop.keep() returns trigger language plpgsql as
  $$ begin if old.paid then return null; end if; return new; end $$;
create trigger keep_paid before update on shop.orders for each row execute function shop.keep();
alter table shop.orders enable row level security; alter table shop.orders force row level security;
create policy mine on shop.orders to puzzle_user using (buyer = (current_setting('jwt.claims.who', true))::int);
grant select, update on shop.orders to puzzle_user;
