-- Example rows: four tenants, twelve people, one admin a tenant, two people with a second tenant. Run it as the owner; running it again adds nothing.
-- `demo/src/personas.ts` lists the same people for the demo's sign-in; demo/test/db/seed.test.ts compares the two.

begin;

-- FORCE holds for the owner too, and no policy speaks of the owner, so nothing could be inserted. It is lifted inside
-- this transaction only: ALTER TABLE locks the tables until COMMIT, so no one else runs a statement without it.
set local lock_timeout = '10s';
alter table tenants no force row level security;
alter table users no force row level security;
alter table memberships no force row level security;

insert into tenants (id, name) values
  ('f330c503-5e9c-46a7-8393-2995aeb03675', 'Neon'),
  ('e3e0bc31-2df8-4410-9b5d-ff71cf509a8e', 'Other Company'),
  ('c2a6db45-2894-4bbb-b75f-a6350c8c807c', 'Harbour Books'),
  ('4ad18972-e46d-452a-bc2b-d0ea1e7145ad', 'Kestrel Cycles')
on conflict do nothing;

insert into users (id, tenant_id, email, name, role) values
  ('2e7e25e8-5445-40bd-8f89-dc19bba64faa', 'f330c503-5e9c-46a7-8393-2995aeb03675', 'david@neon.example', 'David', 'member'),
  ('60ae8038-e4f4-4a2c-ab55-47934d41dfd3', 'f330c503-5e9c-46a7-8393-2995aeb03675', 'amara@neon.example', 'Amara Obi', 'admin'),
  ('07bed1a4-91e7-4570-ab05-ff128e872801', 'f330c503-5e9c-46a7-8393-2995aeb03675', 'mei@neon.example', 'Mei Tanaka', 'member'),
  ('d50b17ab-e8a3-4e0c-8093-892565f38b45', 'f330c503-5e9c-46a7-8393-2995aeb03675', 'lukas@neon.example', 'Lukas Brandt', 'member'),
  ('78a78d6d-0ed0-401c-8322-7885cd1c92ab', 'e3e0bc31-2df8-4410-9b5d-ff71cf509a8e', 'employee@other.example', 'Other Employee', 'member'),
  ('030dde22-eae7-4b26-97bf-a1e03772024b', 'e3e0bc31-2df8-4410-9b5d-ff71cf509a8e', 'priya@other.example', 'Priya Raman', 'admin'),
  ('bb0ddeb5-8ddb-4341-9893-1de7c5cbc88b', 'e3e0bc31-2df8-4410-9b5d-ff71cf509a8e', 'tomas@other.example', 'Tomás Silva', 'member'),
  ('20eb13e5-4da4-41fb-b6a2-cca0bf3dcfdc', 'c2a6db45-2894-4bbb-b75f-a6350c8c807c', 'ines@harbour.example', 'Inês Duarte', 'admin'),
  ('d1039d21-2d26-42fd-beef-ab57618c240c', 'c2a6db45-2894-4bbb-b75f-a6350c8c807c', 'oskar@harbour.example', 'Oskar Lind', 'member'),
  ('0c77dbf9-88e0-4482-a66a-d3f156e82c03', 'c2a6db45-2894-4bbb-b75f-a6350c8c807c', 'farah@harbour.example', 'Farah Aziz', 'member'),
  ('3ecaaeee-4ae7-4c8e-8edc-2cfe00aa2c35', '4ad18972-e46d-452a-bc2b-d0ea1e7145ad', 'juno@kestrel.example', 'Juno Park', 'admin'),
  ('0bafe048-1408-4db0-a69e-1145d90bdb9e', '4ad18972-e46d-452a-bc2b-d0ea1e7145ad', 'callum@kestrel.example', 'Callum Reid', 'member')
on conflict do nothing;

-- Amara helps out at Other Company; Priya reads along at Kestrel Cycles.
insert into memberships (user_id, tenant_id, role) values
  ('60ae8038-e4f4-4a2c-ab55-47934d41dfd3', 'e3e0bc31-2df8-4410-9b5d-ff71cf509a8e', 'admin'),
  ('030dde22-eae7-4b26-97bf-a1e03772024b', '4ad18972-e46d-452a-bc2b-d0ea1e7145ad', 'member')
on conflict do nothing;

alter table tenants force row level security;
alter table users force row level security;
alter table memberships force row level security;

commit;
