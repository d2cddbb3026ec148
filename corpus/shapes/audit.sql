-- shape: An audit log in partitions, as PostgREST has it: request.jwt.claims is JSON, and policies read a member of it.
-- owner: saas_owner
-- requests: saas_api
-- person ann: set local role saas_api; select set_config('request.jwt.claims', '{"sub": "a1000000-0000-4000-8000-000000000001", "tenant_id": "a0000000-0000-4000-8000-00000000000a"}', true);
-- person bob: set local role saas_api; select set_config('request.jwt.claims', '{"sub": "b1000000-0000-4000-8000-000000000001", "tenant_id": "b0000000-0000-4000-8000-00000000000b"}', true);
-- include: saas

set role saas_owner;
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
reset role;

insert into audit_log (tenant_id, actor_id, action, at) values
  ('a0000000-0000-4000-8000-00000000000a', 'a1000000-0000-4000-8000-000000000001', 'signed in', '2025-03-01'),
  ('a0000000-0000-4000-8000-00000000000a', 'a1000000-0000-4000-8000-000000000001', 'changed a price', '2026-03-01'),
  ('b0000000-0000-4000-8000-00000000000b', 'b1000000-0000-4000-8000-000000000001', 'signed in', '2026-03-02'),
  ('b0000000-0000-4000-8000-00000000000b', 'b1000000-0000-4000-8000-000000000001', 'fired somebody', '2026-03-03');

-- [works]
-- as: ann
insert into audit_log (tenant_id, actor_id, action, at) values ('a0000000-0000-4000-8000-00000000000a', 'a1000000-0000-4000-8000-000000000001', 'signed out', '2026-04-01');
select count(*) = 3 as works from audit_log where tenant_id = 'a0000000-0000-4000-8000-00000000000a';
