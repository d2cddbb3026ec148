set local role saas_owner;
create table webhooks (tenant_id uuid not null, url text not null, secret text not null);
insert into webhooks values ('b0000000-0000-4000-8000-00000000000b', 'https://hooks.example', 'b-secret');
set local role saas_api;
select set_config('app.tenant_id', 'a0000000-0000-4000-8000-00000000000a', true);
select count(*) > 0 as shown from webhooks;
