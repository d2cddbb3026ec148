-- sound: No tenant anywhere: who hosts a room, and who is a guest there.
-- shape: rooms
-- shown: false

-- [proof]
-- as: ann
select count(*) > 0 as shown from api.messages where room = 'barn';
