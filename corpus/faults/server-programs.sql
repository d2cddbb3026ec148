-- fault: The API's role may run programs on the server and read its files, where no policy is asked.
-- shape: helpdesk
-- objects: saas_api, saas_exports
-- level: error
-- rowpass: RLS068
-- requirements: 60
-- shown: true, fixed 42501

-- [both]
reset role;
create role saas_exports nologin;
grant saas_exports to saas_api;
-- [broken]
grant pg_execute_server_program to saas_exports;
-- [both]
set role saas_owner;
grant select on tickets to saas_exports;

-- [proof]
-- as: ann
copy (select 1) to program 'cat >/dev/null';
select true as shown;
