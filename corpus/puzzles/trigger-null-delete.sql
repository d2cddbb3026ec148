-- as: {"who": 7}
-- ask: delete from shop.orders where id = 2
-- happens: 0
-- reasons: trigger_passes_over
-- says: keep_paid of shop.orders, shop.keep(), BEFORE DELETE, 1 row
-- never: No such row exists, Nothing matches
create schema shop; grant usage on schema shop to puzzle_user;
create table shop.orders (id int primary key, buyer int, paid boolean);
insert into shop.orders values (1, 7, false), (2, 7, true), (3, 8, true);
create function shop.keep() returns trigger language plpgsql as
  $$ begin if old.paid then return null; end if; return old; end $$;

create trigger keep_paid before delete on shop.orders for each row execute function shop.keep();
alter table shop.orders enable row level security;
create policy mine on shop.orders to puzzle_user using (buyer = (current_setting('jwt.claims.who', true))::int);
grant select, delete on shop.orders to puzzle_user;
