-- expect: RLS015:public.files:files_insert
-- notes: the tenant is not checked and cannot be chosen, being a default without a grant. files: it is checked in one of
-- two branches.
create table notes (id uuid primary key default gen_random_uuid(), owner_id uuid not null, tenant_id uuid not null, body text);
create index on notes (owner_id);
create index on notes (tenant_id);
alter table notes enable row level security;
create policy notes_read on notes for select to authenticated using (tenant_id = (select app.tenant_id()));
alter table notes alter tenant_id set default app.tenant_id();
create policy notes_insert on notes for insert to authenticated with check (owner_id = (select app.user_id()));
grant select, insert (owner_id, body) on notes to authenticated;
create table files (like notes including all);
alter table files enable row level security;
create policy files_read on files for select to authenticated using (tenant_id = (select app.tenant_id()));
create policy files_insert on files for insert to authenticated
  with check (tenant_id = (select app.tenant_id()) or body = 'draft');
grant select, insert (tenant_id, body) on files to authenticated;
