-- as: {}
-- ask: select 1 / (id - id) from club.slow
-- happens: 22012
-- reasons: rls_off, error
-- says: division by zero
create schema club; grant usage on schema club to puzzle_user;
create table club.slow (id int); insert into club.slow values (1); grant select on club.slow to puzzle_user;
