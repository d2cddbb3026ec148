-- as: {"who": 3}
-- ask: insert into club.pairs values (3)
-- happens: P0001
-- reasons: trigger_fails
-- says: both_halves of club.pairs
create schema club; grant usage on schema club to puzzle_user;
create table club.pairs (who int);
create function club.halves() returns trigger language plpgsql as $$ begin raise exception 'half is missing'; end $$;
create constraint trigger both_halves after insert on club.pairs deferrable initially deferred for each row execute function club.halves();
alter table club.pairs enable row level security;
create policy own on club.pairs to puzzle_user using (who = current_setting('jwt.claims.who', true)::int);
grant select, insert on club.pairs to puzzle_user;
