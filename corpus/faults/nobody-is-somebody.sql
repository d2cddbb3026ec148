-- fault: IS NOT DISTINCT FROM: who has no claim is the same as a row without an owner.
-- shape: rooms
-- objects: data.pages, own
-- level: error
-- rowpass: RLS018, RLS021
-- requirements: 43, 54
-- shown: true, fixed false

-- [both]
create table data.pages (id int primary key, owner text, body text not null);
create index on data.pages (owner);
alter table data.pages enable row level security;
grant select on data.pages to rooms_user;
insert into data.pages values (1, 'ann', 'diary'), (2, null, 'left by somebody who is gone');
-- [broken]
create policy own on data.pages for select to rooms_user using (owner is not distinct from (select data.me()));
-- [fixed]
create policy own on data.pages for select to rooms_user using (owner = (select data.me()));

-- [proof]
-- as: nobody
select count(*) > 0 as shown from data.pages;
