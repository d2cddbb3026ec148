-- as: {"who": 3}
-- ask: select * from club.log_2024
-- happens: 2
-- reasons: rls_off, allowed
-- says: club.log_2024
create schema club; grant usage on schema club to puzzle_user;
create table club.log (year int, who int) partition by list (year);
create table club.log_2024 partition of club.log for values in (2024); insert into club.log values (2024, 3), (2024, 4);
alter table club.log enable row level security;
create policy own on club.log to puzzle_user using (who = current_setting('jwt.claims.who', true)::int);
grant select on club.log, club.log_2024 to puzzle_user;
