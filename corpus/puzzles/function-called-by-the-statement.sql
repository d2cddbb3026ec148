-- as: {}
-- ask: select app.report(3)
-- happens: 42501
-- reasons: function_fails
-- says: app.totals(integer), runs as puzzle_owner, SECURITY DEFINER of app.report(integer), no SELECT on table app.sales
-- advice: grant select on app.sales to puzzle_owner;
create schema app; grant usage on schema app to puzzle_user, puzzle_owner;
create table app.sales (year int, amount int);
create function app.totals(y int) returns bigint language plpgsql stable as
  $$ begin return (select sum(amount) from app.sales where year = y); end $$;
create function app.report(y int) returns bigint language plpgsql stable security definer set search_path = '' as
  $$ begin return app.totals(y); end $$;
alter function app.report(int) owner to puzzle_owner;
