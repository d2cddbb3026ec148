-- as: {"who": 3}
-- ask: insert into club.wishes values (3, 'x')
-- happens: 42501
-- reasons: trigger_fails
-- says: note_wish of club.wishes, row-level security policy for table "journal", club.noted()
create schema club; grant usage on schema club to puzzle_user;
create table club.wishes (who int, what text); create table club.journal (who int);
create function club.noted() returns trigger language plpgsql as $$ begin insert into club.journal values (0); return new; end $$;
create trigger note_wish after insert on club.wishes for each row execute function club.noted();
alter table club.wishes enable row level security; alter table club.journal enable row level security;
create policy own on club.wishes to puzzle_user using (who = current_setting('jwt.claims.who', true)::int);
create policy own on club.journal to puzzle_user using (who = current_setting('jwt.claims.who', true)::int);
grant select, insert on club.wishes, club.journal to puzzle_user;
