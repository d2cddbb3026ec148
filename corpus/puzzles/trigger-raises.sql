-- as: {"who": 7}
-- ask: update shop.orders set note = 'x' where id = 2
-- happens: P0001
-- reasons: trigger_fails
-- says: closed_books of shop.orders, shop.closed(), the books are closed
-- never: stamp of shop.orders
create schema shop; grant usage on schema shop to puzzle_user;
create table shop.orders (id int primary key, buyer int, note text, changed timestamptz);
insert into shop.orders values (1, 7), (2, 7);
create function shop.stamped() returns trigger language plpgsql as $$ begin new.changed := now(); return new; end $$;
create function shop.closed() returns trigger language plpgsql as $$ begin raise exception 'the books are closed'; end $$;
create trigger stamp before update on shop.orders for each row execute function shop.stamped();
create trigger closed_books before update on shop.orders for each row execute function shop.closed();
alter table shop.orders enable row level security;
create policy mine on shop.orders to puzzle_user using (buyer = (current_setting('jwt.claims.who', true))::int);
grant select, update on shop.orders to puzzle_user;
