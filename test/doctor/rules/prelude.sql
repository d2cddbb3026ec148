-- What each file of these folders begins with: who is asking, and two roles of requests.
create schema app;
grant usage on schema app, public to authenticated, anonymous;
create function app.claims() returns jsonb language sql stable
  return nullif(current_setting('request.jwt.claims', true), '')::jsonb;
create function app.user_id() returns uuid language sql stable return (app.claims() ->> 'sub')::uuid;
create function app.tenant_id() returns uuid language sql stable return (app.claims() ->> 'tenant_id')::uuid;
