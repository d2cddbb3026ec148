-- as: {"who": 3}
-- ask: delete from club.rooms where id = 1
-- happens: 23503
-- reasons: constraint
-- says: foreign key constraint bookings_room_fkey
create schema club; grant usage on schema club to puzzle_user;
create table club.rooms (id int primary key); create table club.bookings (room int references club.rooms, by_whom int);
insert into club.rooms values (1); insert into club.bookings values (1, 4);
alter table club.rooms enable row level security; alter table club.bookings enable row level security;
create policy all_rooms on club.rooms to puzzle_user using (true);
grant select, delete on club.rooms to puzzle_user;
