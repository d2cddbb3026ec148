-- sound: A column and a text that are called like something that tells who logs in.
-- shape: rooms
-- shown: false

-- [both]
create table data.logins (id bigint generated always as identity primary key, person text not null, "session_user" text not null default 'session_user');
create index on data.logins (person);
alter table data.logins enable row level security;
create policy own on data.logins for select to rooms_user using (person = (select data.me()) and "session_user" <> 'current_user');
grant select on data.logins to rooms_user;
insert into data.logins (person) values ('bob');

-- [proof]
-- as: ann
select count(*) > 0 as shown from data.logins;
