-- fault: A definer function makes anybody an administrator.
-- shape: forum
-- objects: app_public.promote
-- level: error
-- rowpass: RLS052
-- requirements: 52
-- shown: true, fixed 42501

-- [both]
create function app_public.promote(person int) returns void language sql security definer set search_path to pg_catalog, public, pg_temp
  as 'update app_public.people set is_admin = true where id = person';
-- [broken]
grant execute on function app_public.promote(int) to forum_visitor;

-- [proof]
-- as: ann
select app_public.promote(1);
reset role;
select is_admin as shown from app_public.people where id = 1;
