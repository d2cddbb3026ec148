-- fault: A policy calls a function that calls one which the role may not execute.
-- shape: desk
-- objects: desk.notes, org
-- level: error
-- rowpass: RLS042
-- shown: 42501, fixed false
-- works: true, broken 42501

-- [broken]
revoke execute on function desk.claims() from public;
-- [fixed]
revoke execute on function desk.claims() from public;
grant execute on function desk.claims() to desk_user, desk_guest;

-- [proof]
-- as: ann
select count(*) <> 2 as shown from desk.notes;
