-- as: {"who": 3}
-- ask: select * from club.plans
-- happens: 42501
-- reasons: policy_fails
-- says: allowed of club.plans
-- advice: grant execute on function club.may(integer) to puzzle_user;
create schema club; grant usage on schema club to puzzle_user;
create table club.plans (id int); insert into club.plans values (1);
create function club.may(int) returns boolean language sql stable as 'select true'; revoke execute on function club.may(int) from public;
alter table club.plans enable row level security;
create policy allowed on club.plans to puzzle_user using (club.may(id));
grant select on club.plans to puzzle_user;
