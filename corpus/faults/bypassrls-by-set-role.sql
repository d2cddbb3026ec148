-- fault: The login of the API may become a role with BYPASSRLS: the one of the backups.
-- shape: helpdesk
-- objects: saas_login, saas_backup
-- level: error
-- rowpass: RLS005, RLS006
-- requirements: 48
-- shown: true, fixed 42501

-- [both]
-- A dump must hold all rows; the login that makes it may become nothing else.
reset role;
create role saas_backup nologin bypassrls;
grant pg_read_all_data to saas_backup;
create role saas_dump login noinherit;
grant saas_backup to saas_dump;
-- [broken]
grant saas_backup to saas_login;
-- [both]
set role saas_owner;

-- [proof]
set local session authorization saas_login;
set local role saas_backup;
select count(*) > 1 as shown from tickets;
