-- fault: A function of the row decides, and looks a membership up for every one.
-- shape: projects
-- objects: public.tasks, tasks_read
-- level: warning
-- rowpass: RLS037, RLS032
-- requirements: 55
-- shown: true, fixed false

-- [both]
create function ctx.may_see(project uuid) returns boolean language plpgsql stable set search_path = ''
  as $$ begin return exists (select from public.memberships m where m.project_id = project and m.user_id = ctx.user_id()); end $$;
grant execute on function ctx.may_see(uuid) to saas_api;
-- [broken]
alter policy tasks_read on tasks using (ctx.may_see(project_id));

-- [proof]
-- as: ann
-- plan: select * from tasks
select current_setting('proof.plan')::jsonb @? '$.** ? (@."Filter" like_regex "may_see")' as shown;
