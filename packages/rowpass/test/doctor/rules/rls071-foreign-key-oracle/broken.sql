-- expect: RLS071:public.files:files_folder_fkey (warning)
create table folders (id uuid primary key, tenant_id uuid not null, unique (tenant_id, id));
alter table folders enable row level security;
create policy folders_read on folders for select to authenticated using (tenant_id = (select app.tenant_id()));
grant select on folders to authenticated;
create table files (id uuid primary key, tenant_id uuid not null, folder uuid references folders);
create index on files (tenant_id);
alter table files enable row level security;
create policy files_read on files for select to authenticated using (tenant_id = (select app.tenant_id()));
create policy files_add on files for insert to authenticated with check (tenant_id = (select app.tenant_id()));
grant select, insert on files to authenticated;
