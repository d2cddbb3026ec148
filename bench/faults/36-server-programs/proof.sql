set local role saas_api;
select set_config('request.jwt.claims', '{"sub": "a1000000-0000-4000-8000-000000000001", "tenant_id": "a0000000-0000-4000-8000-00000000000a"}', true);
copy (select 1) to program 'cat >/dev/null';
select true as shown;
