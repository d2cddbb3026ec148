-- fault: There is a policy to change rows and none to see them: every UPDATE changes nothing, without an error.
-- shape: projects
-- objects: public.tasks
-- level: warning
-- rowpass: RLS048
-- requirements: 59
-- shown: true, fixed false
-- works: true, broken false

-- [broken]
drop policy tasks_read on tasks;

-- [proof]
-- as: ann
with changed as (
  update tasks set done = true where id = 'ad000000-0000-4000-8000-000000000001' returning 1
)
select count(*) = 0 as shown from changed;
