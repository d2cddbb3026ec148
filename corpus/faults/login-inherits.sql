-- fault: A login inherits from the role of requests, and reads before it becomes anybody.
-- shape: desk
-- objects: desk_web, desk_user
-- level: warning
-- rowpass: RLS008
-- shown: true, fixed 42501

-- [both]
reset role;
create role desk_web login;
-- [broken]
alter role desk_web inherit;
grant desk_user to desk_web;
-- [fixed]
alter role desk_web noinherit;
grant desk_user to desk_web;

-- [proof]
set local session authorization desk_web;
select set_config('request.jwt.claims', '{"org": 20}', true);
select count(*) > 0 as shown from desk.notes;
