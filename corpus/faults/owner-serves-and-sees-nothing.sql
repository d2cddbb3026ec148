-- fault: The owner is the only login, FORCE holds for it, and no policy does: it sees nothing, without an error.
-- shape: desk
-- objects: desk_boss
-- level: error
-- rowpass: RLS009, RLS007
-- shown: true, fixed false
-- works: true, broken 42501

-- [both]
reset role;
revoke desk_user, desk_guest from desk_login;
drop role desk_login;
set role desk_boss;
-- [broken]
drop policy boss on desk.notes;

-- [proof]
-- as: boss
select count(*) = 0 as shown from desk.notes;

-- [works]
set local role desk_boss;
insert into desk.notes (org, author) values (10, 1);
select count(*) = 5 as works from desk.notes;
