-- as: {"who": 3}
-- ask: delete from club.rooms where id = 1
-- happens: P0001
-- reasons: trigger_fails
-- says: keep_booking of club.bookings
create schema club; grant usage on schema club to puzzle_user;
create table club.rooms (id int primary key);
create table club.bookings (id int, room int references club.rooms on delete cascade);
insert into club.rooms values (1); insert into club.bookings values (1, 1);
create function club.kept() returns trigger language plpgsql as $$ begin raise exception 'kept'; end $$;
create trigger keep_booking before delete on club.bookings for each row execute function club.kept();
alter table club.rooms enable row level security;
create policy all_rooms on club.rooms to puzzle_user using (true);
grant select, delete on club.rooms to puzzle_user;
