-- An audit log in partitions, as PostgREST has it: request.jwt.claims is JSON, and policies read a member of it.
create table audit_log (
  id uuid not null default gen_random_uuid(),
  tenant_id uuid not null,
  actor_id uuid not null,
  action text not null,
  at timestamptz not null,
  primary key (id, at)
) partition by range (at);
create table audit_log_2025 partition of audit_log for values from ('2025-01-01') to ('2026-01-01');
create table audit_log_2026 partition of audit_log for values from ('2026-01-01') to ('2027-01-01');
create index audit_log_of_tenant on audit_log (tenant_id, at);

alter table audit_log enable row level security;
create policy audit_log_read on audit_log for select to saas_api
  using (tenant_id = (select (nullif(current_setting('request.jwt.claims', true), '')::json ->> 'tenant_id')::uuid));
create policy audit_log_add on audit_log for insert to saas_api
  with check (tenant_id = (select (nullif(current_setting('request.jwt.claims', true), '')::json ->> 'tenant_id')::uuid));

grant select, insert on audit_log to saas_api;

-- The old year was imported by way of the API, and became a partition afterwards.
create table audit_log_2024 (like audit_log including all);
grant select, insert on audit_log_2024 to saas_api;
alter table audit_log attach partition audit_log_2024 for values from ('2024-01-01') to ('2025-01-01');
