-- fault: A view of the owner of the project, which is past policies, without security_invoker.
-- shape: teams
-- objects: public.post_counts
-- level: error
-- rowpass: RLS044
-- splinter: security_definer_view
-- requirements: 49
-- shown: true, fixed false

-- [broken]
create view post_counts as select team_id, count(*) as posts from posts group by team_id;
-- [fixed]
create view post_counts with (security_invoker = true) as select team_id, count(*) as posts from posts group by team_id;

-- [proof]
-- as: anon
select count(*) > 0 as shown from post_counts;
