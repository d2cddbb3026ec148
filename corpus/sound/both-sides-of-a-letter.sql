-- sound: Two permissive policies, each about the caller: who sent it, and who got it.
-- shape: forum
-- shown: false

-- [proof]
-- as: ann
select count(*) <> 2 as shown from app_public.letters;
