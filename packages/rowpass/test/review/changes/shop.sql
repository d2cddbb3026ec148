-- change: the person by a function
-- effect: none
create function shop.me() returns text language sql stable as $$ select current_setting('shop.user', true) $$;
alter policy carts_own on shop.carts using (buyer = (select shop.me())) with check (buyer = (select shop.me()));
-- change: an array from the other side
-- effect: none
alter policy carts_shared on shop.carts using (shared_with @> array[(select current_setting('shop.user', true))]);
-- change: two policies in one
-- effect: none
drop policy carts_shared on shop.carts;
drop policy carts_own on shop.carts;
create policy carts_read on shop.carts for select to shop_app
  using (buyer = (select current_setting('shop.user', true)) or (select current_setting('shop.user', true)) = any (shared_with));
create policy carts_write on shop.carts to shop_app
  using (buyer = (select current_setting('shop.user', true))) with check (buyer = (select current_setting('shop.user', true)));
-- change: a policy for the role instead of everybody
-- effect: none
alter policy items_listed on shop.items to shop_app;
-- change: EXISTS as IN
-- effect: none
alter policy lines_of_cart on shop.lines
  using (cart in (select c.id from shop.carts c where c.buyer = (select current_setting('shop.user', true))));
-- change: a partition more
-- effect: none
create table shop.events_2026 partition of shop.events for values from ('2026-01-01') to ('2027-01-01');
-- change: a restrictive policy as a part of the permissive one
-- effect: none
drop policy events_old on shop.events;
alter policy events_own on shop.events
  using (at < date '2025-07-01' and buyer = (select current_setting('shop.user', true)));
-- change: a date between
-- effect: none
alter policy events_old on shop.events using (not (at >= date '2025-07-01'));
-- change: types and defaults
-- effect: none
alter table shop.items alter column cost type bigint;
alter table shop.carts alter column id set default 'c' || gen_random_uuid();
-- change: a policy of a table that nobody may use
-- effect: none
create policy events_write on shop.events for delete to shop_app using (true);
-- change: items that are not listed
-- effect: kim +5 SELECT shop.items items_all
-- effect: lea +5 SELECT shop.items items_all
-- effect: no claims (shop_app) +5 SELECT shop.items items_all
create policy items_all on shop.items for select to shop_app using (cost > 0);
-- change: the events of this year
-- effect: kim +3 SELECT shop.events events_own
-- effect: lea +2 SELECT shop.events events_own
drop policy events_old on shop.events;
-- change: shared carts are writable
-- effect: kim +4 CHANGE shop.carts carts_shared
-- effect: kim +4 DELETE shop.carts carts_shared
-- effect: kim +4 INSERT shop.carts carts_shared
-- effect: kim +4 UPDATE shop.carts carts_shared
drop policy carts_shared on shop.carts;
create policy carts_shared on shop.carts to shop_app using ((select current_setting('shop.user', true)) = any (shared_with));
-- change: sharing ends
-- effect: kim -2 SELECT shop.open_carts it is a view
-- effect: kim -4 SELECT shop.carts carts_shared
drop policy carts_shared on shop.carts;
-- change: lines of shared carts
-- effect: kim +4 SELECT shop.lines lines_shared
create policy lines_shared on shop.lines for select to shop_app
  using (exists (select from shop.carts c where c.id = cart and (select current_setting('shop.user', true)) = any (c.shared_with)));
-- change: a view that is its owner's
-- effect: kim +8 SELECT shop.open_carts it is a view
-- effect: lea +10 SELECT shop.open_carts it is a view
-- effect: no claims (shop_app) +15 SELECT shop.open_carts it is a view
alter view shop.open_carts set (security_invoker = false);
-- change: a partition that can be asked by itself
-- effect: kim +25 SELECT shop.events_2025 row-level security is off
-- effect: lea +25 SELECT shop.events_2025 row-level security is off
-- effect: no claims (shop_app) +25 SELECT shop.events_2025 row-level security is off
grant select on shop.events_2025 to shop_app;
-- change: closed carts stay as they are
-- effect: kim -5 CHANGE shop.carts carts_own
-- effect: kim -5 UPDATE shop.carts carts_own
-- effect: lea -5 CHANGE shop.carts carts_own
-- effect: lea -5 UPDATE shop.carts carts_own
create policy carts_closed on shop.carts as restrictive for update to shop_app using (closed_at is null);
-- change: a typing error that is an OR
-- effect: lea +10 DELETE shop.carts carts_own
-- effect: lea +10 SELECT shop.carts carts_own
-- effect: lea +10 UPDATE shop.carts carts_own
-- effect: lea +5 SELECT shop.open_carts it is a view
-- effect: no claims (shop_app) +10 DELETE shop.carts carts_own
-- effect: no claims (shop_app) +10 SELECT shop.carts carts_own
-- effect: no claims (shop_app) +10 UPDATE shop.carts carts_own
-- effect: no claims (shop_app) +5 SELECT shop.open_carts it is a view
alter policy carts_own on shop.carts using (buyer = (select current_setting('shop.user', true)) or buyer = 'kim');
-- change: the catalogue is for nobody
-- effect: kim -15 SELECT shop.items items_listed
-- effect: lea -15 SELECT shop.items items_listed
-- effect: no claims (shop_app) -15 SELECT shop.items items_listed
alter policy items_listed on shop.items using (false);
