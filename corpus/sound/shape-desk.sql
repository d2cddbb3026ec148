-- sound: An owner who logs in under FORCE, and has a policy that is true for that reason.
-- shape: desk
-- shown: false

-- [proof]
-- as: ann
select count(*) > 0 as shown from desk.notes where org <> 10;
