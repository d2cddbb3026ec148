-- as: {"who": 3}
-- ask: delete from club.wishes
-- happens: P0001
-- reasons: trigger_fails
-- says: no_deletes of club.wishes
create schema club; grant usage on schema club to puzzle_user;
create table club.wishes (who int); insert into club.wishes values (3);
create function club.never() returns trigger language plpgsql as $$ begin raise exception 'never'; end $$;
create trigger no_deletes before delete on club.wishes for each statement execute function club.never();
alter table club.wishes enable row level security;
create policy own on club.wishes to puzzle_user using (who = current_setting('jwt.claims.who', true)::int);
grant select, delete on club.wishes to puzzle_user;
