-- as: {"who": 3}
-- ask: select title from club.plans
-- happens: 1
-- reasons: rows_hidden
-- says: 1 row of club.plans, in_group
-- never: inner_policy
create schema club; grant usage on schema club to puzzle_user;
create table club.members (grp bigint, person int); insert into club.members values (10, 3), (20, 4);
create table club.plans (id bigint primary key, grp bigint, title text); insert into club.plans values (1, 10, 'a'), (2, 20, 'b');
alter table club.plans enable row level security;
create policy in_group on club.plans to puzzle_user using (exists (
  select from club.members m where m.grp = plans.grp and m.person = current_setting('jwt.claims.who', true)::int));
grant select on club.plans, club.members to puzzle_user;
