-- fault: A SECURITY DEFINER function without a pinned search_path is called through another function.
-- shape: files
-- objects: public.shared_folders
-- level: error
-- rowpass: RLS050
-- splinter: function_search_path_mutable
-- requirements: 52
-- shown: true, fixed false

-- [both]
create function folders_of_others() returns setof uuid
  language sql stable
  as $$ select public.shared_folders() $$;
grant execute on function folders_of_others() to saas_api;
alter policy folders_read on folders
  using (owner_id = (select current_user_id()) or id = any (array(select folders_of_others())));
alter policy files_read on files
  using (owner_id = (select current_user_id()) or folder_id = any (array(select folders_of_others())));
-- [broken]
create or replace function shared_folders() returns setof uuid
  language sql stable security definer
  as $$ select s.folder_id from folder_shares s where s.user_id = (select current_user_id()) $$;
-- [both]
-- Reports are put together in temporary tables.
reset role;
do $$
begin
  execute format('grant temporary on database %I to saas_owner, saas_api', current_database());
end
$$;
set role saas_owner;

-- [proof]
-- as: ann
create temporary table folder_shares (folder_id uuid, user_id int);
insert into folder_shares values ('bf000000-0000-4000-8000-000000000001', 1);
grant select on folder_shares to public;
select count(*) > 0 as shown from files where owner_id = 2;
