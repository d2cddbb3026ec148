-- fault: The search_path of a SECURITY DEFINER function names pg_temp before the schema of its tables.
-- shape: files
-- objects: public.shared_folders
-- level: error
-- rowpass: RLS050, RLS051
-- splinter: function_search_path_mutable
-- requirements: 52
-- shown: true, fixed false

-- [both]
-- Reports are put together in temporary tables.
reset role;
do $$
begin
  execute format('grant temporary on database %I to saas_owner, saas_api', current_database());
end
$$;
set role saas_owner;
-- [broken]
create or replace function shared_folders() returns setof uuid
  language sql stable security definer set search_path = pg_catalog, pg_temp, public
  as $$ select s.folder_id from folder_shares s where s.user_id = (select current_user_id()) $$;
-- [fixed]
create or replace function shared_folders() returns setof uuid
  language sql stable security definer set search_path = pg_catalog, public, pg_temp
  as $$ select s.folder_id from folder_shares s where s.user_id = (select current_user_id()) $$;

-- [proof]
-- as: ann
create temporary table folder_shares (folder_id uuid, user_id int);
insert into folder_shares values ('bf000000-0000-4000-8000-000000000001', 1);
grant select on folder_shares to public;
select count(*) > 0 as shown from files where owner_id = 2;
