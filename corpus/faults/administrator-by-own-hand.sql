-- fault: People may update the column of their profile that a policy believes.
-- shape: teams
-- objects: public.profiles, is_admin
-- level: error
-- rowpass: RLS017
-- requirements: 54
-- shown: true, fixed false

-- [both]
create function public.is_admin() returns boolean language sql stable security definer set search_path = ''
  as $$ select coalesce((select is_admin from public.profiles where id = (select auth.uid())), false) $$;
revoke execute on function public.is_admin() from public, anon;
create policy "Administrators" on posts for select to authenticated using ((select is_admin()));
-- [broken]
grant update (nick, is_admin) on profiles to authenticated;

-- [proof]
-- as: ann
do $$ begin update profiles set is_admin = true; exception when insufficient_privilege then null; end $$;
select count(*) > 0 as shown from posts where team_id = 2;
