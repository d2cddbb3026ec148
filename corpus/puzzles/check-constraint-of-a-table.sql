-- as: {"who": 3}
-- ask: update club.ages set age = -1
-- happens: 23514
-- reasons: constraint
-- says: check constraint old_enough of ages
create schema club; grant usage on schema club to puzzle_user;
create table club.ages (person int, age int constraint old_enough check (age > 0)); insert into club.ages values (3, 30);
alter table club.ages enable row level security;
create policy own on club.ages to puzzle_user using (person = current_setting('jwt.claims.who', true)::int);
grant select, update on club.ages to puzzle_user;
