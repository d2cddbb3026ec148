-- as: {"level": 3}
-- ask: select * from app.secrets
-- happens: 0
-- reasons: rows_hidden, json_types
-- says: cleared, is a JSON string, is a JSON number (3)
create schema app; grant usage on schema app to puzzle_user;
create table app.secrets (id int, level text); insert into app.secrets values (1, '3');
alter table app.secrets enable row level security;
create policy cleared on app.secrets to puzzle_user
  using (to_jsonb(level) = (nullif(current_setting('request.jwt.claims', true), '')::jsonb -> 'level'));
grant select on app.secrets to puzzle_user;
