-- unless-extension: pg_session_jwt
-- The subject, as one expression each, which PostgreSQL puts in the place of the call; read from `json`, which costs a
-- third of making a `jsonb` of all claims.

create or replace function auth.user_id() returns text
  language sql stable parallel safe
  return rowpass.claims()::json ->> 'sub';

-- NULL when the subject is no uuid, so that a policy denies instead of failing.
create or replace function auth.uid() returns uuid
  language sql stable parallel safe
  return substring(rowpass.claims()::json ->> 'sub'
    from '^[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$')::uuid;
