-- fault: A materialized view in the exposed schema has the rows of all teams.
-- shape: teams
-- objects: public.team_posts
-- level: error
-- rowpass: RLS045
-- splinter: materialized_view_in_api
-- requirements: 49
-- shown: true, fixed 42501

-- [both]
create materialized view team_posts as select team_id, body from posts;
-- [fixed]
revoke all on team_posts from anon, authenticated;

-- [proof]
-- as: anon
select count(*) > 0 as shown from team_posts;
