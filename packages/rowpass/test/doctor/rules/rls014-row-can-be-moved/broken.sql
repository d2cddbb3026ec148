-- expect: RLS014:public.notes:notes_update
create table notes (id uuid primary key default gen_random_uuid(), owner_id uuid not null, tenant_id uuid not null, body text);
create index on notes (owner_id);
create index on notes (tenant_id);
alter table notes enable row level security;
create policy notes_read on notes for select to authenticated using (tenant_id = (select app.tenant_id()));
create policy notes_update on notes for update to authenticated
  using (tenant_id = (select app.tenant_id())) with check (true);
grant select, update on notes to authenticated;
