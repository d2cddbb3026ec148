-- sound: A project on Supabase whose service key is past policies, as it is meant to be.
-- shape: teams
-- shown: false

-- [proof]
-- as: ann
select count(*) > 0 as shown from posts where team_id = 2;
