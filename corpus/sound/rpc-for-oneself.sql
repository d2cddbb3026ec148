-- sound: A definer function of the API that asks auth.uid(), and is revoked from everybody else.
-- shape: teams
-- shown: false

-- [both]
create function public.leave_team(team bigint) returns void language sql security definer set search_path = ''
  as $$ delete from public.members where team_id = team and user_id = (select auth.uid()) $$;
revoke execute on function public.leave_team(bigint) from public, anon;

-- [proof]
-- as: ann
select leave_team(2);
reset role;
select count(*) = 0 as shown from members where team_id = 2;
