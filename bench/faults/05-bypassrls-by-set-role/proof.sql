set local session authorization saas_login;
set local role saas_support;
select count(*) > 1 as shown from tickets;
