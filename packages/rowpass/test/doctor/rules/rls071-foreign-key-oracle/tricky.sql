-- expect: RLS041:public.labels:labels_add
-- The column is not granted; and the tenant itself, which the policy holds.
create table tenants (id uuid primary key);
alter table tenants enable row level security;
create policy tenants_read on tenants for select to authenticated using (id = (select app.tenant_id()));
grant select on tenants to authenticated;
create table folders (id uuid primary key, tenant_id uuid not null, unique (tenant_id, id));
alter table folders enable row level security;
create policy folders_read on folders for select to authenticated using (tenant_id = (select app.tenant_id()));
grant select on folders to authenticated;
create table files (id uuid primary key, tenant_id uuid not null references tenants, folder uuid references folders);
create index on files (tenant_id);
alter table files enable row level security;
create policy files_read on files for select to authenticated using (tenant_id = (select app.tenant_id()));
create policy files_add on files for insert to authenticated with check (tenant_id = (select app.tenant_id()));
grant select, insert (id, tenant_id) on files to authenticated;
-- The check looks the row up as whoever writes, and sees what they see.
create table boxes (id bigint generated always as identity primary key, tenant_id uuid not null);
create index on boxes (tenant_id);
alter table boxes enable row level security;
create policy boxes_read on boxes for select to authenticated using (tenant_id = (select app.tenant_id()));
grant select on boxes to authenticated;
create table labels (id bigint generated always as identity primary key, tenant_id uuid not null, box bigint references boxes);
create index on labels (tenant_id);
alter table labels enable row level security;
create policy labels_read on labels for select to authenticated using (tenant_id = (select app.tenant_id()));
create policy labels_add on labels for insert to authenticated
  with check (tenant_id = (select app.tenant_id()) and box = any (array(select b.id from boxes b)));
grant select, insert on labels to authenticated;
