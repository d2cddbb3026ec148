-- unless-extension: pg_session_jwt
create or replace function auth.uid() returns uuid
  language sql stable parallel safe
  return rowpass.to_uuid(rowpass.claims()::json ->> 'sub');
