-- expect: RLS072:public.files:files_folder_fkey | RLS072:public.tasks:tasks_tenant_id_project_fkey (info)
-- files may be deleted, and a restrictive policy keeps some. On pages the cascade does what a request may do anyway.
create table folders (id uuid primary key);
create table files (id uuid primary key, held boolean, folder uuid references folders on delete cascade);
alter table folders enable row level security;
create policy folders_read on folders for select to authenticated using (id = (select app.user_id()));
create policy folders_delete on folders for delete to authenticated using (id = (select app.user_id()));
grant select, delete on folders to authenticated;
alter table files enable row level security;
create policy files_read on files for select to authenticated using (id = (select app.user_id()));
grant select on files to authenticated;
create policy files_delete on files for delete to authenticated using (id = (select app.user_id()));
create policy files_held on files as restrictive for delete to authenticated using (not held);
grant delete on files to authenticated;
create table pages (id uuid primary key, folder uuid references folders on delete cascade);
alter table pages enable row level security;
create policy pages_read on pages for select to authenticated using (id = (select app.user_id()));
create policy pages_delete on pages for delete to authenticated using (id = (select app.user_id()));
grant select, delete on pages to authenticated;
-- The key carries the tenant by which both tables are shown: it stays within the tenant.
create table projects (tenant_id uuid, id uuid, primary key (tenant_id, id));
create table tasks (tenant_id uuid, project uuid, id uuid, primary key (tenant_id, project, id),
  foreign key (tenant_id, project) references projects on delete cascade);
alter table projects enable row level security;
alter table tasks enable row level security;
create policy projects_all on projects to authenticated using (tenant_id = (select app.tenant_id()));
create policy tasks_read on tasks for select to authenticated using (tenant_id = (select app.tenant_id()));
grant select, delete on projects to authenticated;
grant select on tasks to authenticated;
