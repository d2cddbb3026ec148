-- as: {}
-- ask: delete from club.plain_view where id = 1
-- happens: 0
-- reasons: rls_off, trigger_passes_over
-- says: stays of club.base
create schema club; grant usage on schema club to puzzle_user;
create table club.base (id int); insert into club.base values (1), (2);
create view club.plain_view as select id from club.base;
create function club.stay() returns trigger language plpgsql as $$ begin return null; end $$;
create trigger stays before delete on club.base for each row execute function club.stay();
grant select, delete on club.plain_view to puzzle_user;
