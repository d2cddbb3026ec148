-- fault: TRUNCATE reaches the API's role through a group; no policy is asked.
-- shape: helpdesk
-- objects: public.replies, saas_writers
-- level: error
-- rowpass: RLS060
-- requirements: 51
-- shown: true, fixed 42501

-- [both]
reset role;
create role saas_writers nologin;
grant saas_writers to saas_api;
set role saas_owner;
-- [broken]
grant select, insert, truncate on replies to saas_writers;
-- [fixed]
grant select, insert on replies to saas_writers;

-- [proof]
-- as: ann
truncate replies;
reset role;
select count(*) = 0 as shown from replies;
