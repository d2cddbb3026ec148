-- fault: An exclusion constraint without the customer tells when others have booked.
-- shape: orders
-- objects: shop.slots, slots_during_excl
-- level: warning
-- rowpass: RLS070
-- requirements: 56
-- shown: 23P01, fixed true

-- [both]
create table shop.slots (customer int not null, during tsrange not null, primary key (customer, during));
alter table shop.slots enable row level security;
create policy own on shop.slots to shop_app
  using (customer = (select nullif(current_setting('shop.customer', true), '')::int)) with check (customer = (select nullif(current_setting('shop.customer', true), '')::int));
grant select, insert on shop.slots to shop_app;
insert into shop.slots values (2, '[2026-01-01, 2026-01-05)');
-- [broken]
alter table shop.slots add exclude using gist (during with &&);

-- [proof]
-- as: ann
insert into shop.slots values (1, '[2026-01-02, 2026-01-03)');
select true as shown;
