-- fault: The subselect calls a function with the column: per row, and hidden from whoever looks for the claim.
-- shape: invoices
-- objects: public.invoices, invoices_own
-- level: warning
-- rowpass: RLS037, RLS031
-- splinter: auth_rls_initplan
-- requirements: 55
-- shown: true, fixed false

-- [both]
create function app.is_mine(tenant uuid) returns boolean
  language sql stable set search_path = ''
  as $$ select tenant = app.tenant_id() $$;
grant execute on function app.is_mine(uuid) to saas_api;
-- [broken]
alter policy invoices_own on invoices using ((select app.is_mine(tenant_id)));

-- [proof]
-- as: ann
set local enable_seqscan = off;
-- plan: select * from invoices
select (current_setting('proof.plan')::jsonb @? '$.** ? (@."Parent Relationship" == "SubPlan")' and not current_setting('proof.plan')::jsonb @? '$.** ? (@."Index Cond" like_regex "tenant_id")') as shown;
