set local role saas_api;
select set_config('app.current_user', 'a1000000-0000-4000-8000-000000000001', true);
update people set tenant_id = 'b0000000-0000-4000-8000-00000000000b' where id = 'a1000000-0000-4000-8000-000000000001';
select count(*) > 0 as shown from documents where title = 'Contracts';
