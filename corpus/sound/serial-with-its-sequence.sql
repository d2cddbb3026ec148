-- sound: USAGE on the sequence of a serial key, and nothing more of it.
-- shape: forum
-- shown: 42501

-- [proof]
-- as: ann
select last_value > 0 as shown from app_public.topics_id_seq;
