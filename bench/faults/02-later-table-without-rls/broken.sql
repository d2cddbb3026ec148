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

create table audit_exports (
  id uuid primary key default gen_random_uuid(),
  tenant_id uuid not null,
  finished_at timestamptz,
  rows bigint not null default 0
);
create index audit_exports_of_tenant on audit_exports (tenant_id);
grant select on audit_exports to saas_api;
