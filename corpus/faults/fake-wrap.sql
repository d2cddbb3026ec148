-- fault: The subselect holds the column as well, so it runs for every row and no index can be used.
-- shape: invoices
-- objects: public.invoices, invoices_own
-- level: warning
-- rowpass: RLS031
-- splinter: auth_rls_initplan
-- requirements: 55
-- shown: true, fixed false

-- [broken]
alter policy invoices_own on invoices using ((select app.tenant_id() = tenant_id));

-- [proof]
-- as: ann
set local enable_seqscan = off;
-- plan: select * from invoices
select (current_setting('proof.plan')::jsonb @? '$.** ? (@."Parent Relationship" == "SubPlan")' and not current_setting('proof.plan')::jsonb @? '$.** ? (@."Index Cond" like_regex "tenant_id")') as shown;
