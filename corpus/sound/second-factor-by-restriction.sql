-- sound: A restrictive policy that asks for a second factor, and for nothing of the row.
-- shape: teams
-- shown: false

-- [both]
create policy "Second factor" on profiles as restrictive for update to authenticated
  using ((select auth.jwt() ->> 'aal') = 'aal2');

-- [proof]
-- as: ann
update profiles set nick = 'x';
reset role;
select count(*) > 0 as shown from profiles where nick = 'x';

-- [works]
-- as: ann
insert into posts (team_id, body) values (1, 'more');
select count(*) = 2 as works from posts;
