-- fault: The policies of two tables ask each other: every query fails.
-- shape: projects
-- objects: public.memberships, public.projects
-- level: error
-- rowpass: RLS040
-- requirements: 61
-- shown: 42P17, fixed false
-- works: true, broken 42P17

-- [broken]
alter policy memberships_read on memberships
  using (user_id = (select ctx.user_id()) or project_id in (select p.id from projects p));

-- [proof]
-- as: ann
select count(*) = 0 as shown from projects;
