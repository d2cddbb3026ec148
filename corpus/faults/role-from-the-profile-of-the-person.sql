-- fault: The policy believes user_metadata, which people change themselves.
-- shape: teams
-- objects: public.posts, Moderators
-- level: error
-- rowpass: RLS016
-- splinter: rls_references_user_metadata
-- requirements: 54
-- shown: true, fixed false

-- [broken]
create policy "Moderators" on posts for select to authenticated
  using ((select auth.jwt() -> 'user_metadata' ->> 'role') = 'moderator');
-- [fixed]
create policy "Moderators" on posts for select to authenticated
  using ((select auth.jwt() -> 'app_metadata' ->> 'role') = 'moderator');

-- [proof]
set local role authenticated;
select set_config('request.jwt.claims', '{"sub": "a1000000-0000-4000-8000-000000000001", "user_metadata": {"role": "moderator"}}', true);
select count(*) > 0 as shown from posts where team_id = 2;
