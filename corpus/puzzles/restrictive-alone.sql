-- as: {"who": 3}
-- ask: select * from club.votes
-- happens: 0
-- reasons: no_policy
-- says: no permissive policy for SELECT
create schema club; grant usage on schema club to puzzle_user;
create table club.votes (voter int, choice int); insert into club.votes values (3, 1);
alter table club.votes enable row level security;
create policy mine on club.votes as restrictive to puzzle_user using (voter = current_setting('jwt.claims.who', true)::int);
grant select on club.votes to puzzle_user;
