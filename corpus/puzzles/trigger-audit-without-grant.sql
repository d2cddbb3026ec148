-- as: {}
-- ask: insert into app.things values (1)
-- happens: 42501
-- reasons: rls_off, trigger_fails
-- says: log_it of app.things, app.logged(), as puzzle_user, no INSERT on table app.audit
-- advice: grant insert on app.audit to puzzle_user;
create schema app; grant usage on schema app to puzzle_user;
create table app.things (id int); create table app.audit (at timestamptz, id int);
create function app.logged() returns trigger language plpgsql as
  $$ begin insert into app.audit (at, id) values (now(), new.id); return new; end $$;
create trigger log_it after insert on app.things for each row execute function app.logged();
grant insert on app.things to puzzle_user;
