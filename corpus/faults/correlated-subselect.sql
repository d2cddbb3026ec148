-- fault: The policy looks the role up with a subselect that depends on the row: one look-up a row.
-- shape: projects
-- objects: public.projects, projects_read
-- level: warning
-- rowpass: RLS032
-- splinter: auth_rls_initplan
-- requirements: 55
-- shown: true, fixed false

-- [broken]
alter policy projects_read on projects
  using ((select m.role from memberships m where m.project_id = projects.id and m.user_id = (select ctx.user_id())) is not null);

-- [proof]
-- as: ann
set local enable_seqscan = off;
-- plan: select * from projects
select (current_setting('proof.plan')::jsonb @? '$.** ? (@."Parent Relationship" == "SubPlan")') as shown;
