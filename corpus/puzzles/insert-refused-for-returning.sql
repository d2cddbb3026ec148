-- as: {"sub": "ada"}
-- ask: insert into app.notes values (2, 'bob') returning id
-- happens: 42501
-- reasons: select_policy_refuses
-- says: because of RETURNING
-- advice: Leave out RETURNING
create schema app; grant usage on schema app to puzzle_user;
create table app.notes (id int, owner text);
alter table app.notes enable row level security;
create policy read_own on app.notes for select to puzzle_user using (owner = current_setting('jwt.claims.sub', true));
create policy add on app.notes for insert to puzzle_user with check (true);
grant select, insert on app.notes to puzzle_user;
