-- contents: platform
-- as: {"sub": "seven", "tenant_id": "acme"}
-- ask: select * from club.rooms
-- happens: 0
-- reasons: rows_hidden
-- says: by own
create schema club; grant usage on schema club to authenticated;
create table club.rooms (tenant_id uuid); insert into club.rooms values (gen_random_uuid());
alter table club.rooms enable row level security;
create policy own on club.rooms to authenticated using (tenant_id = (select auth.claim_uuid('tenant_id')));
grant select on club.rooms to authenticated;
