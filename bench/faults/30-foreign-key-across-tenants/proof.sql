set local role saas_api;
select set_config('app.tenant_id', 'a0000000-0000-4000-8000-00000000000a', true);
insert into invoices (tenant_id, customer_id, number, currency, total_cents)
  values ('a0000000-0000-4000-8000-00000000000a', 'bc000000-0000-4000-8000-000000000001', 7, 'EUR', 1);
select true as shown;
