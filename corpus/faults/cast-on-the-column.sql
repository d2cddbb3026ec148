-- fault: The policy casts the column, and the index is on the column without the cast.
-- shape: invoices
-- objects: public.invoices, invoices_own
-- level: warning
-- rowpass: RLS033
-- requirements: 55
-- shown: true, fixed false

-- [broken]
alter policy invoices_own on invoices
  using (tenant_id::text = (select nullif(current_setting('app.tenant_id', true), '')));

-- [proof]
-- as: ann
set local enable_seqscan = off;
-- plan: select * from invoices
select (not current_setting('proof.plan')::jsonb @? '$.** ? (@."Index Cond" like_regex "tenant_id")') as shown;
