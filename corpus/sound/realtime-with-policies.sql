-- sound: The publication of the platform has a table with policies: its server asks them for each listener.
-- shape: teams
-- shown: false

-- [both]
reset role;
alter publication supabase_realtime add table posts;

-- [proof]
-- as: ann
select count(*) > 0 as shown from posts where team_id = 2;
