-- as: {}
-- ask: delete from bare.logs where id < 3
-- happens: 0
-- reasons: rls_off, trigger_passes_over
-- says: never_go of bare.logs, 2 rows
-- advice: return OLD
create schema bare; grant usage on schema bare to puzzle_user;
create table bare.logs (id int, line text); insert into bare.logs values (1, 'a'), (2, 'b'), (3, 'c');
create function bare.hold() returns trigger language plpgsql as $$ begin return new; end $$;
create trigger never_go before delete on bare.logs for each row execute function bare.hold();
grant select, delete on bare.logs to puzzle_user;
