-- sound: Memberships are read in the policies of the tables that they open, under their own policy.
-- shape: projects
-- shown: false

-- [proof]
-- as: ann
select count(*) > 0 as shown from projects where name = 'Tunnel';
