-- as: {"sub": "ada"}
-- login: puzzle_login
-- ask: select * from app.notes
-- happens: 1
-- reasons: role_unreachable
-- says: puzzle_login may not become puzzle_user
-- advice: grant puzzle_user to puzzle_login
create schema app; grant usage on schema app to puzzle_user;
create table app.notes (id int, owner text); insert into app.notes values (1, 'ada');
alter table app.notes enable row level security;
create policy own on app.notes to puzzle_user using (owner = current_setting('jwt.claims.sub', true));
grant select on app.notes to puzzle_user;
