-- by: puzzle_keeper
-- as: {"me": 5}
-- ask: select * from lib.tools
-- happens: 0
-- reasons: rows_hidden, inner_policy
-- says: 2 rows of lib.tools, borrowers, lib.loans, lenders_only, let 1 row pass
create schema lib authorization puzzle_keeper; set role puzzle_keeper; grant usage on schema lib to puzzle_user;
create function lib.me() returns int language sql stable as $$ select nullif(current_setting('jwt.claims.me', true), '')::int $$;
create table lib.loans (tool int, borrower int, lender int); insert into lib.loans values (1, 5, 9), (2, 6, 9);
create table lib.tools (id int primary key, name text); insert into lib.tools values (1, 'saw'), (2, 'axe');
alter table lib.loans enable row level security; alter table lib.tools enable row level security;
alter table lib.loans force row level security; alter table lib.tools force row level security;
create policy lenders_only on lib.loans for select to puzzle_user using (lender = lib.me());
create policy borrowers on lib.tools for select to puzzle_user
  using (coalesce(id in (select tool from lib.loans where borrower = lib.me()), false));
grant select on lib.loans, lib.tools to puzzle_user;
