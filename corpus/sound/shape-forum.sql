-- sound: A session in a private table that only a function of its owner reads.
-- shape: forum
-- shown: false

-- [proof]
-- as: ann
select count(*) > 0 as shown from app_public.letters where sender_id = 2 and receiver_id = 3;
