-- Files in folders, as PostGraphile has it: jwt.claims.user_id, and functions of the schema public.
create function current_user_id() returns int
  language sql stable set search_path = ''
  as $$ select nullif(current_setting('jwt.claims.user_id', true), '')::int $$;
grant execute on function current_user_id() to saas_api;

create table folders (
  id uuid primary key default gen_random_uuid(),
  owner_id int not null,
  name text not null
);
create index folders_of_owner on folders (owner_id);
create table folder_shares (
  folder_id uuid not null references folders (id) on delete cascade,
  user_id int not null,
  primary key (folder_id, user_id)
);
create index folder_shares_of_user on folder_shares (user_id);
create table files (
  id uuid primary key default gen_random_uuid(),
  folder_id uuid not null references folders (id),
  owner_id int not null,
  name text not null,
  bytes bigint not null
);
create index files_of_owner on files (owner_id);
create index files_of_folder on files (folder_id);

-- Nobody but the owner of the tables reads who shares what with whom.
create function shared_folders() returns setof uuid
  language sql stable security definer
  as $$ select s.folder_id from folder_shares s where s.user_id = (select current_user_id()) $$;
create function folders_of_others() returns setof uuid
  language sql stable
  as $$ select public.shared_folders() $$;
grant execute on function shared_folders(), folders_of_others() to saas_api;

alter table folders enable row level security;
create policy folders_read on folders for select to saas_api
  using (owner_id = (select current_user_id()) or id = any (array(select folders_of_others())));
create policy folders_add on folders for insert to saas_api
  with check (owner_id = (select current_user_id()));

alter table files enable row level security;
create policy files_read on files for select to saas_api
  using (owner_id = (select current_user_id()) or folder_id = any (array(select folders_of_others())));
create policy files_add on files for insert to saas_api
  with check (
    owner_id = (select current_user_id())
    and folder_id = any (array(select f.id from folders f where f.owner_id = (select current_user_id())))
  );
create policy files_remove on files for delete to saas_api
  using (owner_id = (select current_user_id()));

grant select, insert on folders to saas_api;
grant select, insert, delete on files to saas_api;

-- Reports are put together in temporary tables.
reset role;
do $$
begin
  execute format('grant temporary on database %I to saas_owner, saas_api', current_database());
end
$$;
set role saas_owner;
