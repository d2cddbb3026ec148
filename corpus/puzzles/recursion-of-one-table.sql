-- as: {"who": 3}
-- ask: select * from club.people
-- happens: 42P17
-- reasons: policy_recursion
-- says: admins_see of club.people
-- advice: SECURITY DEFINER
create schema club; grant usage on schema club to puzzle_user;
create table club.people (id int, admin boolean); insert into club.people values (3, true);
alter table club.people enable row level security;
create policy admins_see on club.people to puzzle_user using (exists (
  select from club.people p where p.id = current_setting('jwt.claims.who', true)::int and p.admin));
grant select on club.people to puzzle_user;
