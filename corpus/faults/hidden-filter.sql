-- fault: The policy asks a table of which the API may see no row, so it is never true.
-- shape: projects
-- objects: public.projects, public.memberships
-- level: warning
-- rowpass: RLS041, RLS003
-- splinter: rls_enabled_no_policy
-- requirements: 61
-- shown: true, fixed false
-- works: true, broken 42501

-- [both]
reset role;
create role saas_clerk nologin;
set role saas_owner;
grant usage on schema ctx to saas_clerk;
grant execute on function ctx.claim(text), ctx.user_id() to saas_clerk;
grant select on memberships to saas_clerk;
-- [broken]
alter policy memberships_read on memberships to saas_clerk;
-- [fixed]
alter policy memberships_read on memberships to saas_api, saas_clerk;

-- [proof]
-- as: ann
select count(*) = 0 as shown from projects;
