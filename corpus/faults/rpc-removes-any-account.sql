-- fault: A definer function that removes the account of its argument, executable by everybody as default privileges have it.
-- shape: teams
-- objects: public.remove_posts
-- level: error
-- rowpass: RLS052, RLS053
-- splinter: anon_security_definer_function_executable, authenticated_security_definer_function_executable
-- requirements: 52
-- shown: true, fixed false

-- [broken]
create function public.remove_posts(person uuid) returns void language sql security definer set search_path = ''
  as 'delete from public.posts where author_id = person';
-- [fixed]
create function public.remove_posts(person uuid) returns void language sql security definer set search_path = ''
  as 'delete from public.posts where author_id = person and author_id = (select auth.uid())';
revoke execute on function public.remove_posts(uuid) from public, anon;

-- [proof]
-- as: ann
select remove_posts('b1000000-0000-4000-8000-000000000001');
reset role;
select count(*) = 0 as shown from posts where author_id = 'b1000000-0000-4000-8000-000000000001';
