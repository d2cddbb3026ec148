-- fault: The policy trusts the part of the token that users fill in themselves.
-- shape: audit
-- objects: public.audit_log, audit_log_read
-- level: error
-- rowpass: RLS016
-- splinter: rls_references_user_metadata
-- requirements: 54
-- shown: true, fixed false

-- [broken]
alter policy audit_log_read on audit_log
  using (tenant_id = (select (nullif(current_setting('request.jwt.claims', true), '')::json -> 'user_metadata' ->> 'tenant_id')::uuid));

-- [proof]
set local role saas_api;
-- The issuer put ann in her tenant; the metadata is what she wrote into her profile.
select set_config('request.jwt.claims', '{"sub": "a1000000-0000-4000-8000-000000000001", "tenant_id": "a0000000-0000-4000-8000-00000000000a", "user_metadata": {"tenant_id": "b0000000-0000-4000-8000-00000000000b"}}', true);
select count(*) > 0 as shown from audit_log where tenant_id = 'b0000000-0000-4000-8000-00000000000b';

-- [works]
set local role saas_api;
select set_config('request.jwt.claims', '{"sub": "a1000000-0000-4000-8000-000000000001", "tenant_id": "a0000000-0000-4000-8000-00000000000a", "user_metadata": {"tenant_id": "a0000000-0000-4000-8000-00000000000a"}}', true);
select count(*) = 2 as works from audit_log;
