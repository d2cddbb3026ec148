-- fault: Default privileges give the API every table that is made from now on, with or without policies.
-- shape: invoices
-- objects: saas_owner, public
-- level: warning
-- rowpass: RLS062
-- requirements: 63
-- shown: true, fixed 42501

-- [broken]
alter default privileges in schema public grant select, insert, update, delete on tables to saas_api;

-- [proof]
set local role saas_owner;
create table webhooks (tenant_id uuid not null, url text not null, secret text not null);
insert into webhooks values ('b0000000-0000-4000-8000-00000000000b', 'https://hooks.example', 'b-secret');
-- as: ann
select count(*) > 0 as shown from webhooks;
