set local role saas_api;
select set_config('app.user_id', 'a1000000-0000-4000-8000-000000000001', true);
delete from tasks where id = 'ad000000-0000-4000-8000-000000000001';
reset role;
select count(*) = 0 as shown from time_entries where invoiced;
