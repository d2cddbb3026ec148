-- What each file of these folders begins with: who is asking, and two roles of requests.
create schema app;
grant usage on schema app, public to authenticated, anonymous;
create function app.claims() returns jsonb language sql stable
  return nullif(current_setting('request.jwt.claims', true), '')::jsonb;
create function app.user_id() returns uuid language sql stable return (app.claims() ->> 'sub')::uuid;
create function app.tenant_id() returns uuid language sql stable return (app.claims() ->> 'tenant_id')::uuid;
-- What is found of any database with policies is found here, and not once more of each file.
create table app.nothing (id uuid primary key);
alter table app.nothing enable row level security;
create policy nothing_own on app.nothing to authenticated using (id = (select app.user_id()));
