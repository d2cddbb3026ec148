-- sound: A column is called user_metadata, and no claim is.
-- shape: rooms
-- shown: false

-- [both]
create table data.people (name text primary key, user_metadata jsonb not null default '{}');
alter table data.people enable row level security;
create policy own on data.people for select to rooms_user using (name = (select data.me()) and user_metadata is not null);
grant select on data.people to rooms_user;
insert into data.people values ('bob');

-- [proof]
-- as: ann
select count(*) > 0 as shown from data.people;
