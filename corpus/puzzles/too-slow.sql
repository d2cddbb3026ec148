-- as: {}
-- ask: select * from club.slow where pg_sleep(5) is not null
-- happens: 57014
-- reasons: rls_off, timeout
-- says: took too long
create schema club; grant usage on schema club to puzzle_user;
create table club.slow (id int); insert into club.slow values (1); grant select on club.slow to puzzle_user;
