-- sound: An OR in a policy of which both sides are about the caller; who shares what is read past policies, for the caller alone.
-- shape: files
-- shown: false

-- [proof]
-- as: ann
select count(*) > 0 as shown from files where owner_id = 2;
