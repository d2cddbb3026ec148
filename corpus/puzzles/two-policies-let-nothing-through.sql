-- as: {"who": 3, "team": 9}
-- ask: select * from club.plans
-- happens: 0
-- reasons: rows_hidden
-- says: by own and team
create schema club; grant usage on schema club to puzzle_user;
create table club.plans (owner int, team int); insert into club.plans values (4, 8);
alter table club.plans enable row level security;
create policy own on club.plans to puzzle_user using (owner = current_setting('jwt.claims.who', true)::int);
create policy team on club.plans to puzzle_user using (team = current_setting('jwt.claims.team', true)::int);
grant select on club.plans to puzzle_user;
