-- contents: platform
-- as: {}
-- ask: select pg_sleep(0), set_config('app.x', 'y', false)
-- happens: 1
-- reasons: gateway_refuses, allowed
-- says: before PostgreSQL sees it
select 1;
