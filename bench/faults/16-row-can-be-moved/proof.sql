set local role saas_api;
select set_config('app.tenant_id', 'a0000000-0000-4000-8000-00000000000a', true), set_config('app.user_id', 'a1000000-0000-4000-8000-000000000001', true);
update notes set tenant_id = 'b0000000-0000-4000-8000-00000000000b';
reset role;
select count(*) > 0 as shown from notes where tenant_id = 'b0000000-0000-4000-8000-00000000000b' and author_id = 'a1000000-0000-4000-8000-000000000001';
