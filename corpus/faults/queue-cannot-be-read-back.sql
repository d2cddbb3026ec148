-- fault: INSERT is granted without SELECT, and the client asks for the row that it wrote.
-- shape: rooms
-- objects: data.requests
-- level: warning
-- rowpass: RLS049
-- requirements: 59
-- shown: 42501, fixed true

-- [both]
create table data.requests (id bigint generated always as identity primary key, person text not null default data.me(), body text not null);
create index on data.requests (person);
alter table data.requests enable row level security;
create policy ask on data.requests for insert to rooms_user with check (person = (select data.me()));
grant insert (body) on data.requests to rooms_user;
-- [fixed]
create policy own on data.requests for select to rooms_user using (person = (select data.me()));
grant select on data.requests to rooms_user;

-- [proof]
-- as: ann
insert into data.requests (body) values ('please') returning id is not null as shown;
