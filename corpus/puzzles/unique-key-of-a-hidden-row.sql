-- as: {"who": 3}
-- ask: insert into club.names values ('ada', 3)
-- happens: 23505
-- reasons: constraint
-- says: unique constraint names_pkey
-- advice: policies hide
create schema club; grant usage on schema club to puzzle_user;
create table club.names (name text primary key, owner int); insert into club.names values ('ada', 4);
alter table club.names enable row level security;
create policy own on club.names to puzzle_user using (owner = current_setting('jwt.claims.who', true)::int);
grant select, insert on club.names to puzzle_user;
