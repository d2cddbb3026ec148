set local role saas_api;
select set_config('jwt.claims.user_id', '1', true);
select count(*) > 0 as shown from recent_files where name = 'return.pdf';
