-- as: {"who": 3}
-- ask: select * from club.plans
-- happens: 2
-- reasons: rls_bypassed, allowed
-- says: has the rights of the owner puzzle_user, FORCE is not set
-- advice: alter table club.plans force row level security;
create schema club; grant usage on schema club to puzzle_user;
create table club.plans (id bigint primary key, owner int); insert into club.plans values (1, 3), (2, 4);
alter table club.plans owner to puzzle_user;
alter table club.plans enable row level security;
create policy own on club.plans to puzzle_user using (owner = current_setting('jwt.claims.who', true)::int);
