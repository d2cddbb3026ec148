-- sound: A setting is compared as text: without one it is NULL, and an empty one fits no row.
-- shape: orders
-- shown: false

-- [both]
create table shop.notes (customer text not null check (customer <> ''), nth int not null, primary key (customer, nth));
alter table shop.notes enable row level security;
create policy own on shop.notes for select to shop_app using (customer = (select current_setting('shop.customer', true)));
grant select on shop.notes to shop_app;
insert into shop.notes values ('2', 1);

-- [proof]
-- as: emptied
select count(*) > 0 as shown from shop.notes;
