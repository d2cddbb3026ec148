-- as: {"who": 3}
-- ask: select * from club.votes
-- happens: 0
-- reasons: no_policy
-- says: see is for other roles
create schema club; grant usage on schema club to puzzle_user;
create table club.votes (voter int, choice int); insert into club.votes values (3, 1);
alter table club.votes enable row level security;
create policy see on club.votes for select to puzzle_group using (true);
grant select on club.votes to puzzle_user;
