-- sound: A schema with memberships, keys that carry the tenant, and columns that triggers hold.
-- shape: club
-- shown: false

-- [proof]
-- as: ann
select count(*) <> 20 as shown from club.projects;
