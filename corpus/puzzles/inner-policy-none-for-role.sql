-- as: {"me": "5"}
-- ask: select count(*) from lib.rooms where name <> ''
-- happens: 1
-- reasons: rows_hidden, inner_policy
-- says: lib.seats, so that it is empty, for puzzle_user
create schema lib; grant usage on schema lib to puzzle_user;
create table lib.seats (room text, person text); insert into lib.seats values ('red', '5');
create table lib.rooms (name text primary key); insert into lib.rooms values ('red'), ('blue');
alter table lib.seats enable row level security; alter table lib.rooms enable row level security;
create policy seated on lib.rooms for select using (exists (
  select from lib.seats s where s.room = rooms.name and s.person = current_setting('jwt.claims.me', true)));
grant select on lib.seats, lib.rooms to puzzle_user;
