set local role saas_api;
select set_config('app.tenant_id', 'a0000000-0000-4000-8000-00000000000a', true), set_config('app.user_id', 'a1000000-0000-4000-8000-000000000001', true);
create function public.length(uuid) returns int language sql as 'select 1';
select true as shown;
