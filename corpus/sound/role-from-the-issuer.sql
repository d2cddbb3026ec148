-- sound: A role from app_metadata, which only the server writes.
-- shape: teams
-- shown: false

-- [both]
create policy "Moderators" on posts for delete to authenticated
  using ((select auth.jwt() -> 'app_metadata' ->> 'role') = 'moderator' and team_id in (select my_teams()));

-- [proof]
-- as: ann
delete from posts where team_id = 2;
reset role;
select count(*) = 0 as shown from posts where team_id = 2;
