-- fault: The view has security_invoker, and the view that it reads has not.
-- shape: invoices
-- objects: public.invoice_lines
-- level: error
-- rowpass: RLS044
-- splinter: security_definer_view
-- requirements: 49
-- shown: true, fixed false

-- [broken]
create view invoice_lines as
-- [fixed]
create view invoice_lines with (security_invoker = true) as
-- [both]
  select i.tenant_id, i.number, i.issued_on, i.currency, i.total_cents, c.name as customer
    from invoices i join customers c using (tenant_id)
   where c.id = i.customer_id;
create view monthly_totals with (security_invoker = true) as
  select tenant_id, date_trunc('month', issued_on) as month, currency, sum(total_cents) as total_cents
    from invoice_lines
   group by tenant_id, date_trunc('month', issued_on), currency;
grant select on invoice_lines, monthly_totals to saas_api;

-- [proof]
-- as: ann
select count(*) > 0 as shown from monthly_totals where tenant_id <> 'a0000000-0000-4000-8000-00000000000a';
