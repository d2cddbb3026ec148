-- expect: none
create table notes (id uuid primary key default gen_random_uuid(), owner_id uuid not null, tenant_id uuid not null, body text);
create index on notes (owner_id);
create index on notes (tenant_id);
alter table notes enable row level security;
create policy notes_read on notes for select to authenticated using (tenant_id = (select app.tenant_id()));
create policy notes_insert on notes for insert to authenticated
  with check (owner_id = (select app.user_id()) and tenant_id = (select app.tenant_id()));
grant select, insert (owner_id, tenant_id, body) on notes to authenticated;
