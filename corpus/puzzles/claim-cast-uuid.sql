-- as: {"room": "r-1"}
-- ask: select * from app.rooms
-- happens: 22P02
-- reasons: claim_unfit
-- says: the claim room is "r-1", no uuid, in_room of app.rooms
create schema app; grant usage on schema app to puzzle_user;
create table app.rooms (id uuid primary key); insert into app.rooms values (gen_random_uuid());
alter table app.rooms enable row level security;
create policy in_room on app.rooms to puzzle_user
  using (id = ((nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'room')::uuid));
grant select on app.rooms to puzzle_user;
