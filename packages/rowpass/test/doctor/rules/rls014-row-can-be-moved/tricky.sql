-- expect: RLS014:public.notes:notes_update
-- There is no WITH CHECK at all, and USING holds in its place; but it holds the owner, and not the tenant that shows the
-- row to others. On files the same is fine, as the column is not granted; on pages a restrictive policy holds it.
create table notes (id uuid primary key default gen_random_uuid(), owner_id uuid not null, tenant_id uuid not null, body text);
create index on notes (owner_id);
create index on notes (tenant_id);
alter table notes enable row level security;
create policy notes_read on notes for select to authenticated using (tenant_id = (select app.tenant_id()));
create policy notes_update on notes for update to authenticated using (owner_id = (select app.user_id()));
grant select, update on notes to authenticated;
create table files (like notes including all);
alter table files enable row level security;
create policy files_read on files for select to authenticated using (tenant_id = (select app.tenant_id()));
create policy files_update on files for update to authenticated using (owner_id = (select app.user_id()));
grant select, update (body) on files to authenticated;
create table pages (like notes including all);
alter table pages enable row level security;
create policy pages_read on pages for select to authenticated using (tenant_id = (select app.tenant_id()));
create policy pages_update on pages for update to authenticated using (owner_id = (select app.user_id()));
create policy pages_tenant on pages as restrictive to authenticated using (tenant_id = (select app.tenant_id()));
grant select, update on pages to authenticated;
