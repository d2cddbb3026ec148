-- as: {"who": 3}
-- ask: select * from club.plans where id = 99
-- happens: 0
-- reasons: no_rows
-- says: No such row exists
create schema club; grant usage on schema club to puzzle_user;
create table club.plans (id bigint primary key, owner int); insert into club.plans values (1, 3);
alter table club.plans enable row level security;
create policy own on club.plans to puzzle_user using (owner = current_setting('jwt.claims.who', true)::int);
grant select on club.plans to puzzle_user;
