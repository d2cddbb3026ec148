-- fault: A view of the owner asks for the caller itself, and has no barrier: a cheap function of the query sees all rows first.
-- shape: rooms
-- objects: api.mine
-- level: warning
-- rowpass: RLS047, RLS044
-- splinter: security_definer_view
-- requirements: 58
-- shown: true, fixed false

-- [both]
create function data.spy(text) returns boolean language plpgsql cost 0.0001 as $$
begin perform set_config('proof.seen', coalesce(current_setting('proof.seen', true), '') || $1, true); return true; end $$;
grant execute on function data.spy(text) to rooms_user;
-- [broken]
create view api.mine as select body from data.messages where author = (select data.me());
grant select on api.mine to rooms_user;
-- [fixed]
create view api.mine with (security_barrier = true, security_invoker = true) as select body from data.messages where author = (select data.me());
grant select on api.mine to rooms_user;

-- [proof]
-- as: ann
set local enable_indexscan = off;
set local enable_bitmapscan = off;
select count(*) from api.mine where data.spy(body);
select coalesce(current_setting('proof.seen', true), '') like '%hay%' as shown;
