-- as: {}
-- ask: select * from club.seats where row_no = 1
-- happens: 0
-- reasons: rows_hidden
-- says: 1 row of club.seats is hidden from puzzle_user by mine
create schema club; grant usage on schema club to puzzle_user;
create table club.seats (row_no int, holder int); insert into club.seats values (1, 3), (2, 4);
alter table club.seats enable row level security;
create policy mine on club.seats to puzzle_user using (holder = nullif(current_setting('jwt.claims.who', true), '')::int);
grant select on club.seats to puzzle_user;
