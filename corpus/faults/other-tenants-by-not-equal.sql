-- fault: A second policy compares with <> what the first one compares with =.
-- shape: invoices
-- objects: public.customers, partners
-- level: error
-- rowpass: RLS013
-- splinter: multiple_permissive_policies
-- requirements: 53
-- shown: true, fixed false
-- wrong: rowpass

-- [broken]
create policy partners on customers for select to saas_api using (tenant_id <> (select app.tenant_id()));

-- [proof]
-- as: ann
select count(*) > 0 as shown from customers where name = 'Harbour';
