-- fault: coalesce(claim, column): without a claim the policy is true for every row.
-- shape: invoices
-- objects: public.customers, customers_own
-- level: error
-- rowpass: RLS018
-- splinter: rls_policy_always_true
-- requirements: 43, 54
-- shown: true, fixed false

-- [broken]
alter policy customers_own on customers using (tenant_id = coalesce((select app.tenant_id()), tenant_id));

-- [proof]
set local role saas_api;
select set_config('app.tenant_id', '', true);
select count(*) > 0 as shown from customers;
