-- as: {"sub": "ada"}
-- ask: update app.notes set owner = 'bob' where id = 1 returning id
-- happens: 42501
-- reasons: select_policy_refuses
-- says: reads columns of app.notes
-- never: Leave out RETURNING
create schema app; grant usage on schema app to puzzle_user;
create table app.notes (id int, owner text); insert into app.notes values (1, 'ada');
alter table app.notes enable row level security;
create policy read_own on app.notes for select to puzzle_user using (owner = current_setting('jwt.claims.sub', true));
create policy change on app.notes for update to puzzle_user using (true);
grant select, update on app.notes to puzzle_user;
