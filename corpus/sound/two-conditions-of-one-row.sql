-- sound: EXISTS over a list that is the same for all rows: it is looked up once.
-- shape: rooms
-- shown: false

-- [both]
create table data.bans (person text primary key);
alter table data.bans enable row level security;
create policy own on data.bans for select to rooms_user using (person = (select data.me()));
grant select on data.bans to rooms_user;
create policy not_banned on data.messages as restrictive for select to rooms_user
  using (not exists (select from data.bans b where b.person = (select data.me())));
insert into data.bans values ('bob');

-- [proof]
-- as: bob
select count(*) > 0 as shown from data.messages;
