-- as: {"who": 3}
-- ask: delete from club.log where year = 2024
-- happens: 0
-- reasons: trigger_passes_over
-- says: archived of club.log_2024
create schema club; grant usage on schema club to puzzle_user;
create table club.log (year int, who int) partition by list (year);
create table club.log_2024 partition of club.log for values in (2024);
create table club.log_2025 partition of club.log for values in (2025);
insert into club.log values (2024, 3), (2025, 3);
create function club.stay() returns trigger language plpgsql as $$ begin return null; end $$;
create trigger archived before delete on club.log_2024 for each row execute function club.stay();
alter table club.log enable row level security;
create policy own on club.log to puzzle_user using (who = current_setting('jwt.claims.who', true)::int);
grant select, delete on club.log to puzzle_user;
