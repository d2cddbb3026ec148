-- fault: The login of an application can become a role that reads without a seal.
-- shape: vault
-- objects: vault_login, vault_report
-- level: warning
-- rowpass: RLS076
-- shown: true, fixed 42501

-- [both]
reset role;
create role vault_report nologin;
set role vault_owner;
grant usage on schema vault to vault_report;
grant select on vault.letters to vault_report;
create policy report on vault.letters for select to vault_report using (true);
reset role;
-- [broken]
grant vault_report to vault_login;
-- [fixed]
create role vault_statistics login noinherit;
grant vault_report to vault_statistics;

-- [proof]
set local session authorization vault_login;
set local role vault_report;
select count(*) > 0 as shown from vault.letters where author = 'bob';
