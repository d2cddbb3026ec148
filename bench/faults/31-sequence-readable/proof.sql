set local role saas_api;
select set_config('app.tenant_id', 'a0000000-0000-4000-8000-00000000000a', true);
select last_value > (select count(*) from invoices) as shown from invoice_reference;
