-- fault: A table that was added later is granted to the API and has no row-level security.
-- shape: audit
-- objects: public.audit_exports
-- level: error
-- rowpass: RLS001
-- splinter: rls_disabled_in_public
-- requirements: 47
-- shown: true, fixed false

-- [both]
create table audit_exports (
  id uuid primary key default gen_random_uuid(),
  tenant_id uuid not null,
  finished_at timestamptz,
  rows bigint not null default 0
);
create index audit_exports_of_tenant on audit_exports (tenant_id);
-- [fixed]
alter table audit_exports enable row level security;
create policy audit_exports_read on audit_exports for select to saas_api
  using (tenant_id = (select (nullif(current_setting('request.jwt.claims', true), '')::json ->> 'tenant_id')::uuid));
-- [both]
grant select on audit_exports to saas_api;
-- [both]
reset role;
insert into audit_exports (tenant_id, rows) values ('a0000000-0000-4000-8000-00000000000a', 10), ('b0000000-0000-4000-8000-00000000000b', 20);

-- [proof]
-- as: ann
select count(*) > 0 as shown from audit_exports where tenant_id <> 'a0000000-0000-4000-8000-00000000000a';
