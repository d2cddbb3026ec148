-- fault: The only policy of a table with tenants asks whether somebody is there.
-- shape: desk
-- objects: desk.files, known
-- level: error
-- rowpass: RLS025
-- shown: true, fixed false

-- [both]
create table desk.files (id bigint generated always as identity primary key, org integer not null, name text not null);
create index on desk.files (org);
alter table desk.files enable row level security, force row level security;
create policy boss on desk.files to desk_boss using (true);
grant select on desk.files to desk_user;
insert into desk.files (org, name) values (10, 'plan'), (20, 'pay');
-- [broken]
create policy known on desk.files for select to desk_user using ((select desk.me()) is not null);
-- [fixed]
create policy known on desk.files for select to desk_user using (org = (select desk.org()));

-- [proof]
-- as: ann
select count(*) > 0 as shown from desk.files where org = 20;
