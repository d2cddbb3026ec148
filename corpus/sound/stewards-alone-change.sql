-- sound: A definer function asks for the caller and the level, and is compared with true.
-- shape: club
-- shown: false

-- [proof]
-- as: ann
update club.projects set title = 'mine';
reset role;
select count(*) > 0 as shown from club.projects where title = 'mine';
