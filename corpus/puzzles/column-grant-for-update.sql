-- as: {"staff": 1}
-- ask: update firm.staff set salary = 9 where id = 1
-- happens: 42501
-- reasons: grant_missing
-- says: no UPDATE on column salary of firm.staff
create schema firm; grant usage on schema firm to puzzle_user;
create table firm.staff (id smallint, name text, salary numeric); insert into firm.staff values (1, 'a', 1);
grant select, update (name) on firm.staff to puzzle_user;
alter table firm.staff enable row level security;
create policy self on firm.staff to puzzle_user using (id = current_setting('jwt.claims.staff', true)::smallint);
