-- as: {"who": 3}
-- ask: insert into club.ages values (3, -1)
-- happens: 23514
-- reasons: constraint
-- says: check constraint
create schema club; grant usage on schema club to puzzle_user;
create domain club.age as int check (value >= 0);
create table club.ages (person int, age club.age);
alter table club.ages enable row level security;
create policy own on club.ages to puzzle_user using (person = current_setting('jwt.claims.who', true)::int);
grant select, insert on club.ages to puzzle_user;
