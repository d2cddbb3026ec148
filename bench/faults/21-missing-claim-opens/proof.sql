set local role saas_api;
select set_config('app.tenant_id', '', true);
select count(*) > 0 as shown from customers;
