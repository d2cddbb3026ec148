-- fault: The sequence that all tenants share can be read: it counts the business of the others.
-- shape: invoices
-- objects: public.invoice_reference
-- level: warning
-- rowpass: RLS065
-- requirements: 56
-- shown: true, fixed 42P01

-- [broken]
create sequence invoice_reference;
grant usage, select on sequence invoice_reference to saas_api;
alter table invoices add column reference bigint not null default nextval('invoice_reference');
-- [fixed]
alter table invoices add column reference uuid not null default gen_random_uuid();

-- [proof]
-- as: ann
select last_value > (select count(*) from invoices) as shown from invoice_reference;
