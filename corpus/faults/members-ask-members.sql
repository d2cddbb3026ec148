-- fault: The policy of a table reads the table itself: every query fails.
-- shape: teams
-- objects: public.members
-- level: error
-- rowpass: RLS040
-- requirements: 61
-- shown: 42P17, fixed false

-- [broken]
create policy "Fellow members" on members for select to authenticated
  using (team_id in (select m.team_id from members m where m.user_id = (select auth.uid())));
-- [fixed]
create policy "Fellow members" on members for select to authenticated using (team_id in (select my_teams()));

-- [proof]
-- as: ann
select count(*) <> 1 as shown from members;
