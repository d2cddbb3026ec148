-- as: {"who": 3}
-- ask: insert into club.names values ('ada', 3) on conflict (name) do update set owner = 3
-- happens: 42501
-- reasons: row_refused, select_policy_refuses
-- says: row in the way of club.names, own
-- never: Leave out RETURNING
create schema club; grant usage on schema club to puzzle_user;
create table club.names (name text primary key, owner int); insert into club.names values ('ada', 4);
alter table club.names enable row level security;
create policy own on club.names to puzzle_user using (owner = current_setting('jwt.claims.who', true)::int);
grant select, insert, update on club.names to puzzle_user;
