-- fault: A foreign key without the tenant accepts the id of a hidden row, and so tells whether it exists.
-- shape: invoices
-- objects: public.invoices, invoices_customer_id_fkey
-- level: warning
-- rowpass: RLS071
-- requirements: 56
-- shown: true, fixed 23503

-- [broken]
alter table invoices drop constraint invoices_tenant_id_customer_id_fkey,
  add foreign key (customer_id) references customers (id);
drop index invoices_of_customer;
create index invoices_of_customer on invoices (customer_id, tenant_id);

-- [proof]
-- as: ann
insert into invoices (tenant_id, customer_id, number, currency, total_cents)
  values ('a0000000-0000-4000-8000-00000000000a', 'bc000000-0000-4000-8000-000000000001', 7, 'EUR', 1);
select true as shown;
