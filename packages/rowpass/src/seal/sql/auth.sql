-- unless-extension: pg_session_jwt
-- needs-create-in: auth
-- The names that policies use, those of Neon's pg_session_jwt. Where that extension is installed it owns them, and this
-- file is not applied; neither where the schema is somebody else's, as on Supabase. Policies may then call rowpass.session().
-- Each is one expression, which PostgreSQL puts in the place of the call.

create schema if not exists auth;
grant usage on schema auth to authenticated, anonymous;

-- All claims. Unlike pg_session_jwt, no identity is SQL NULL and not JSON null, so `auth.session() is null` is true.
create or replace function auth.session() returns jsonb
  language sql stable parallel safe
  return rowpass.session();

create or replace function auth.jwt() returns jsonb
  language sql stable parallel safe
  return rowpass.session();

-- The claim `sub` as text. Under a seal it is read from `json`, which costs a third of making a `jsonb` of all claims.
create or replace function auth.user_id() returns text
  language sql stable parallel safe
  return case when octet_length(current_setting('rowpass.seal', true)) = 32 then rowpass.ticket_session() ->> 'sub'
    else rowpass.claims()::json ->> 'sub' end;

-- The same as uuid; NULL when it is none, so that a policy denies instead of failing.
create or replace function auth.uid() returns uuid
  language sql stable parallel safe
  return case when octet_length(current_setting('rowpass.seal', true)) = 32 then rowpass.ticket_uid()
    else rowpass.to_uuid(rowpass.claims()::json ->> 'sub') end;

-- The claim `role` as text, for policies of Supabase: its tokens name the database role there. NULL in a token without one.
create or replace function auth.role() returns text
  language sql stable parallel safe
  return case when octet_length(current_setting('rowpass.seal', true)) = 32 then rowpass.ticket_session() ->> 'role'
    else rowpass.claims()::json ->> 'role' end;

revoke all on function auth.session(), auth.jwt(), auth.user_id(), auth.uid(), auth.role() from public;
grant execute on function auth.session(), auth.jwt(), auth.user_id(), auth.uid(), auth.role() to authenticated, anonymous;
