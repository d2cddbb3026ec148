-- as: {"me": 5}
-- ask: select * from app.boards
-- happens: 0
-- reasons: rows_hidden, inner_policy
-- says: app.current_members, app.members, only_open
create schema app; grant usage on schema app to puzzle_user;
create table app.members (board int, person int, open boolean); insert into app.members values (1, 5, false);
create view app.current_members with (security_invoker) as select * from app.members;
create table app.boards (id int primary key); insert into app.boards values (1), (2);
alter table app.members enable row level security; alter table app.boards enable row level security;
create policy only_open on app.members to puzzle_user using (open);
create policy in_it on app.boards to puzzle_user using (id in (
  select board from app.current_members m where m.person = current_setting('jwt.claims.me', true)::int));
grant select on app.boards, app.current_members, app.members to puzzle_user;
