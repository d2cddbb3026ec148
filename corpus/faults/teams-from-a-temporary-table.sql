-- fault: A definer function of a policy has no search path: a temporary table of the caller says which teams are theirs.
-- shape: teams
-- objects: public.my_teams
-- level: error
-- rowpass: RLS050
-- splinter: function_search_path_mutable
-- requirements: 52
-- shown: true, fixed false

-- [broken]
create or replace function public.my_teams() returns setof bigint language sql stable security definer
  as $$ select team_id from members where user_id = (select auth.uid()) $$;

-- [proof]
-- as: ann
create temporary table members as select 2::bigint as team_id, 'a1000000-0000-4000-8000-000000000001'::uuid as user_id;
grant select on members to public;
select count(*) > 0 as shown from posts where team_id = 2;
