set local role saas_api;
select set_config('app.tenant_id', 'a0000000-0000-4000-8000-00000000000a', true);
select count(*) > 0 as shown from customer_totals where tenant_id <> 'a0000000-0000-4000-8000-00000000000a';
