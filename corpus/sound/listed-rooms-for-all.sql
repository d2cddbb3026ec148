-- sound: Rooms that are listed are for everybody, by a policy of their own for both roles.
-- shape: rooms
-- shown: false

-- [both]
create policy listed on data.rooms for select to rooms_anon, rooms_user using (listed);
grant select on data.rooms to rooms_anon;

-- [proof]
-- as: anon
select count(*) > 0 as shown from data.rooms where slug = 'barn';
