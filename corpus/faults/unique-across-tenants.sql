-- fault: A unique key without the tenant tells that a hidden row has this value.
-- shape: invoices
-- objects: public.customers, customers_email_key
-- level: warning
-- rowpass: RLS070
-- requirements: 56
-- shown: 23505, fixed false

-- [broken]
alter table customers drop constraint customers_tenant_id_email_key, add unique (email);

-- [proof]
-- as: ann
insert into customers (tenant_id, name, email) values ('a0000000-0000-4000-8000-00000000000a', 'Guess', 'desk@harbour.example');
select false as shown;
