set local role saas_api;
-- The issuer put ann in her tenant; the metadata is what she wrote into her profile.
select set_config('request.jwt.claims', '{"sub": "a1000000-0000-4000-8000-000000000001", "tenant_id": "a0000000-0000-4000-8000-00000000000a", "user_metadata": {"tenant_id": "b0000000-0000-4000-8000-00000000000b"}}', true);
select count(*) > 0 as shown from audit_log where tenant_id = 'b0000000-0000-4000-8000-00000000000b';
