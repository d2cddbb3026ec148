-- as: {"who": 3}
-- ask: select * from club.all_plans
-- happens: 2
-- reasons: view_owner, allowed
-- says: club.all_plans, are not asked
-- advice: alter view club.all_plans set (security_invoker = true);
create schema club; grant usage on schema club to puzzle_user;
create table club.plans (id bigint primary key, owner int); insert into club.plans values (1, 3), (2, 4);
alter table club.plans enable row level security;
create policy own on club.plans to puzzle_user using (owner = current_setting('jwt.claims.who', true)::int);
create view club.all_plans as select id from club.plans;
grant select on club.all_plans to puzzle_user;
