-- as: {"who": 3}
-- ask: delete from club.votes
-- happens: 0
-- reasons: no_policy
-- says: no permissive policy for DELETE is for puzzle_user, club.votes
create schema club; grant usage on schema club to puzzle_user;
create table club.votes (voter int, choice int); insert into club.votes values (3, 1), (4, 2);
alter table club.votes enable row level security;
create policy see on club.votes for select to puzzle_user using (true);
create policy put on club.votes for insert to puzzle_user with check (voter = current_setting('jwt.claims.who', true)::int);
grant select, insert, delete on club.votes to puzzle_user;
