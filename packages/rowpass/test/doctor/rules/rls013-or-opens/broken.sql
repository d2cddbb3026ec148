-- expect: RLS013:public.files:files_shared | RLS013:public.notes:notes_debug
create table notes (id uuid primary key);
alter table notes enable row level security;
create policy notes_read on notes for select to authenticated using (id = (select app.user_id()));
grant select on notes to authenticated;
create policy notes_debug on notes for select to authenticated using (true);
create table files (id uuid primary key, tenant_id uuid not null, owner_id uuid not null, shared boolean);
create index on files (tenant_id, owner_id);
alter table files enable row level security;
create policy files_own on files for select to authenticated
  using (tenant_id = (select app.tenant_id()) and owner_id = (select app.user_id()));
create policy files_shared on files for select to authenticated using (shared);
grant select on files to authenticated;
