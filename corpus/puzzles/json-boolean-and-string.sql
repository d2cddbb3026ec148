-- as: {"admin": "true"}
-- ask: select 1 from app.keys
-- happens: 0
-- reasons: rows_hidden, json_types
-- says: JSON string ("true"), JSON boolean
create schema app; grant usage on schema app to puzzle_user;
create table app.keys (id int); insert into app.keys values (1), (2);
alter table app.keys enable row level security;
create policy admins on app.keys to puzzle_user
  using ((nullif(current_setting('request.jwt.claims', true), '')::jsonb -> 'admin') = 'true'::jsonb);
grant select on app.keys to puzzle_user;
