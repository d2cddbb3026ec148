-- as: {"who": 3}
-- ask: insert into club.alarms values (3)
-- happens: not run
-- reasons: allowed
-- says: the trigger ring calls club.ringing, contains COPY, --run
create schema club; grant usage on schema club to puzzle_user;
create table club.alarms (who int);
create function club.bell(text) returns void language plpgsql as $$ begin copy (select 1) to program 'true'; end $$;
create function club.ringing() returns trigger language plpgsql as $$ begin perform club.bell('x'); return new; end $$;
create trigger ring after insert on club.alarms for each row execute function club.ringing();
alter table club.alarms enable row level security;
create policy own on club.alarms to puzzle_user using (who = current_setting('jwt.claims.who', true)::int);
grant select, insert on club.alarms to puzzle_user;
