-- sound: A list that everybody reads and nobody writes.
-- shape: rooms
-- shown: 42501

-- [both]
create table data.countries (code text primary key);
alter table data.countries enable row level security;
create policy everybody on data.countries for select to rooms_anon, rooms_user using (true);
grant select on data.countries to rooms_anon, rooms_user;
insert into data.countries values ('CH');

-- [proof]
-- as: anon
delete from data.countries;
select true as shown;
