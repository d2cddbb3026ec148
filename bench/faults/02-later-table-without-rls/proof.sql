set local role saas_api;
select set_config('request.jwt.claims', '{"sub": "a1000000-0000-4000-8000-000000000001", "tenant_id": "a0000000-0000-4000-8000-00000000000a"}', true);
select count(*) > 0 as shown from audit_exports where tenant_id <> 'a0000000-0000-4000-8000-00000000000a';
