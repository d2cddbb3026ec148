-- as: {"who": 3}
-- ask: select * from club.votes
-- happens: 1
-- reasons: rows_hidden
-- says: 2 rows of club.votes, by still_open
-- never: members
create schema club; grant usage on schema club to puzzle_user;
create table club.votes (voter int, choice int, open boolean); insert into club.votes values (3, 1, true), (4, 2, false), (5, 2, null);
alter table club.votes enable row level security;
create policy members on club.votes to puzzle_user using (voter > 0);
create policy still_open on club.votes as restrictive to puzzle_user using (open);
grant select on club.votes to puzzle_user;
