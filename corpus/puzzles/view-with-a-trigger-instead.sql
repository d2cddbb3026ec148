-- as: {}
-- ask: delete from club.shown where id = 1
-- happens: 0
-- reasons: view_owner, trigger_passes_over
-- says: no_delete of club.shown, INSTEAD OF DELETE, club.ignored()
create schema club; grant usage on schema club to puzzle_user;
create table club.base (id int); insert into club.base values (1), (2);
alter table club.base enable row level security;
create view club.shown as select id from club.base;
create function club.ignored() returns trigger language plpgsql as $$ begin return null; end $$;
create trigger no_delete instead of delete on club.shown for each row execute function club.ignored();
grant select, delete on club.shown to puzzle_user;
