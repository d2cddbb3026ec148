-- shape: Files in folders, as PostGraphile has it: jwt.claims.user_id, and functions of the schema public.
-- owner: saas_owner
-- requests: saas_api
-- person ann: set local role saas_api; select set_config('jwt.claims.user_id', '1', true);
-- person bob: set local role saas_api; select set_config('jwt.claims.user_id', '2', true);
-- include: saas

set role saas_owner;
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
  language sql stable security definer set search_path = ''
  as $$ select s.folder_id from public.folder_shares s where s.user_id = (select public.current_user_id()) $$;
grant execute on function shared_folders() to saas_api;

alter table folders enable row level security;
create policy folders_read on folders for select to saas_api
  using (owner_id = (select current_user_id()) or id = any (array(select shared_folders())));
create policy folders_add on folders for insert to saas_api
  with check (owner_id = (select current_user_id()));

alter table files enable row level security;
create policy files_read on files for select to saas_api
  using (owner_id = (select current_user_id()) or folder_id = any (array(select shared_folders())));
create policy files_add on files for insert to saas_api
  with check (
    owner_id = (select current_user_id())
    and folder_id = any (array(select f.id from folders f where f.owner_id = (select current_user_id())))
  );
create policy files_remove on files for delete to saas_api
  using (owner_id = (select current_user_id()));

grant select, insert on folders to saas_api;
grant select, insert, delete on files to saas_api;
reset role;

insert into folders (id, owner_id, name) values
  ('af000000-0000-4000-8000-000000000001', 1, 'Holidays'),
  ('bf000000-0000-4000-8000-000000000001', 2, 'Taxes');
insert into folder_shares values ('af000000-0000-4000-8000-000000000001', 3);
insert into files (folder_id, owner_id, name, bytes) values
  ('af000000-0000-4000-8000-000000000001', 1, 'beach.jpg', 120000),
  ('bf000000-0000-4000-8000-000000000001', 2, 'return.pdf', 40000),
  ('bf000000-0000-4000-8000-000000000001', 2, 'receipts.zip', 900000);

-- [works]
-- as: ann
insert into files (folder_id, owner_id, name, bytes) values ('af000000-0000-4000-8000-000000000001', 1, 'sea.jpg', 1);
delete from files where name = 'beach.jpg';
select count(*) = 1 as works from files where owner_id = 1;
