-- as: {"who": 3}
-- ask: update club.wishes set what = 'y'
-- happens: P0001
-- reasons: trigger_fails
-- says: z_guard of club.wishes, inside club.assert_open(integer)
create schema club; grant usage on schema club to puzzle_user;
create table club.wishes (who int, what text); insert into club.wishes values (3, 'x');
create function club.assert_open(n int) returns void language plpgsql as $$ begin if n = 3 then raise exception 'closed'; end if; end $$;
create function club.guard() returns trigger language plpgsql as $$ begin perform club.assert_open(new.who); return new; end $$;
create function club.fine() returns trigger language plpgsql as $$ begin return new; end $$;
create trigger a_fine before update on club.wishes for each row execute function club.fine();
create trigger z_guard before update on club.wishes for each row execute function club.guard();
alter table club.wishes enable row level security;
create policy own on club.wishes to puzzle_user using (who = current_setting('jwt.claims.who', true)::int);
grant select, update on club.wishes to puzzle_user;
