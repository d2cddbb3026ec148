-- as: {"me": 5}
-- ask: select * from app.boards
-- happens: 0
-- reasons: rows_hidden, inner_policy
-- says: app.is_in(integer), app.members, puzzle_owner
create schema app authorization puzzle_owner; grant usage on schema app to puzzle_user;
set role puzzle_owner;
create table app.members (board int, person int); insert into app.members values (1, 5);
create table app.boards (id int primary key); insert into app.boards values (1), (2);
create function app.is_in(board int) returns boolean language sql stable security definer set search_path = '' as
  $$ select exists (select from app.members m where m.board = $1 and m.person = current_setting('jwt.claims.me', true)::int) $$;
alter table app.members enable row level security; alter table app.members force row level security;
alter table app.boards enable row level security;
create policy in_it on app.boards to puzzle_user using (app.is_in(id));
grant select on app.boards to puzzle_user;
