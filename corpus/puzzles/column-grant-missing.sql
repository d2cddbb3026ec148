-- as: {"staff": 1}
-- ask: select name, salary from firm.staff
-- happens: 42501
-- reasons: grant_missing, rows_hidden
-- says: no SELECT on column salary of firm.staff
-- advice: grant select (salary) on firm.staff to puzzle_user;
create schema firm; grant usage on schema firm to puzzle_user;
create table firm.staff (id smallint, name text, salary numeric); insert into firm.staff values (1, 'a', 1), (2, 'b', 2);
grant select (id, name) on firm.staff to puzzle_user;
alter table firm.staff enable row level security;
create policy self on firm.staff to puzzle_user using (id = current_setting('jwt.claims.staff', true)::smallint);
