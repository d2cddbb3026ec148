-- fault: The policy calls the claim function bare: once for every row that is read.
-- shape: helpdesk
-- objects: public.tickets, tickets_read
-- level: warning
-- rowpass: RLS030
-- splinter: auth_rls_initplan
-- requirements: 55
-- shown: true, fixed false

-- [broken]
alter policy tickets_read on tickets using (tenant_id = app.tenant());

-- [proof]
-- as: ann
set local enable_indexscan = off;
set local enable_bitmapscan = off;
-- plan: select * from tickets
select (not current_setting('proof.plan')::jsonb @? '$.** ? (@."Parent Relationship" == "InitPlan")') as shown;
