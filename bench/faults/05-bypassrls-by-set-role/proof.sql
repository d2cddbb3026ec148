set local session authorization saas_login;
set local role saas_backup;
select count(*) > 1 as shown from tickets;
