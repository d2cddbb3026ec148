-- as: {"who": 3}
-- ask: insert into club.plans values (5, 4)
-- happens: 42501
-- reasons: row_refused
-- says: own_rows, WITH CHECK is not true
create schema club; grant usage on schema club to puzzle_user;
create table club.plans (id bigint primary key, owner int);
alter table club.plans enable row level security;
create policy own_rows on club.plans to puzzle_user using (owner = current_setting('jwt.claims.who', true)::int);
grant select, insert on club.plans to puzzle_user;
