set local role saas_api;
select set_config('jwt.claims.user_id', '1', true);
create temporary table folder_shares (folder_id uuid, user_id int);
insert into folder_shares values ('bf000000-0000-4000-8000-000000000001', 1);
grant select on folder_shares to public;
select count(*) > 0 as shown from files where owner_id = 2;
