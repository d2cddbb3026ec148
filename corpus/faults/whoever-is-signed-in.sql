-- fault: auth.role() = 'authenticated' says no more than TO authenticated, and opens all teams.
-- shape: teams
-- objects: public.posts, Signed in
-- level: error
-- rowpass: RLS013, RLS025
-- splinter: multiple_permissive_policies
-- requirements: 53
-- shown: true, fixed false

-- [broken]
create policy "Signed in" on posts for select using ((select auth.role()) = 'authenticated');

-- [proof]
-- as: ann
select count(*) > 0 as shown from posts where team_id = 2;
