-- fault: The definer function of a policy forgets for whom: it gives all shares to anybody.
-- shape: files
-- objects: shared_folders, public.files
-- level: error
-- rowpass: RLS052, RLS021
-- requirements: 52
-- shown: true, fixed false

-- [broken]
create or replace function shared_folders() returns setof uuid
  language sql stable security definer set search_path = ''
  as $$ select s.folder_id from public.folder_shares s $$;

-- [proof]
reset role;
insert into folder_shares values ('bf000000-0000-4000-8000-000000000001', 3);
-- as: ann
select count(*) > 0 as shown from files where owner_id = 2;
