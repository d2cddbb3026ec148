-- as: {"who": 3}
-- ask: select * from club.plans
-- happens: 42501
-- reasons: policy_fails
-- says: in_group of club.plans, permission denied for table members
-- advice: grant select on club.members to puzzle_user;
create schema club; grant usage on schema club to puzzle_user;
create table club.members (grp int, person int); create table club.plans (id int, grp int); insert into club.plans values (1, 1);
alter table club.plans enable row level security;
create policy in_group on club.plans to puzzle_user using (grp in (select m.grp from club.members m));
grant select on club.plans to puzzle_user;
