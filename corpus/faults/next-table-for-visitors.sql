-- fault: Default privileges give visitors every table of the exposed schema from now on.
-- shape: forum
-- objects: forum_owner, app_public
-- level: warning
-- rowpass: RLS062
-- requirements: 63
-- shown: true, fixed 42501

-- [broken]
alter default privileges in schema app_public grant select on tables to forum_visitor;

-- [proof]
set local role forum_owner;
create table app_public.reports (id serial primary key, body text);
insert into app_public.reports (body) values ('secret');
-- as: visitor
select count(*) > 0 as shown from app_public.reports;
