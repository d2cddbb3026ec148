-- as: {"who": 3}
-- ask: select * from club.plans
-- happens: 0
-- reasons: rows_hidden, inner_policy, inner_policy
-- says: club.teams, club.members
create schema club; grant usage on schema club to puzzle_user;
create table club.members (team int, person int); insert into club.members values (1, 3);
create table club.teams (id int, grp int); insert into club.teams values (1, 7);
create table club.plans (id int, grp int); insert into club.plans values (1, 7);
alter table club.members enable row level security; alter table club.teams enable row level security;
alter table club.plans enable row level security;
create policy in_grp on club.plans to puzzle_user using (exists (select from club.teams t, club.members m
  where t.grp = plans.grp and m.team = t.id and m.person = current_setting('jwt.claims.who', true)::int));
grant select on club.plans, club.teams, club.members to puzzle_user;
