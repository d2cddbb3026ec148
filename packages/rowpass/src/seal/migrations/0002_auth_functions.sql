-- unless-extension: pg_session_jwt
-- The public half: the names that policies use, those of Neon's pg_session_jwt. Where that extension is installed it
-- owns them, and this file is not applied; policies may then call rowpass.session().

create schema if not exists auth;
grant usage on schema auth to authenticated, anonymous;

-- All claims. Unlike pg_session_jwt, no identity is SQL NULL and not JSON null, so `auth.session() is null` is true.
create function auth.session() returns jsonb
  language sql stable parallel safe
  return rowpass.session();

create function auth.jwt() returns jsonb
  language sql stable parallel safe
  return rowpass.session();

-- The claim `sub` as text.
create function auth.user_id() returns text
  language sql stable parallel safe
  return rowpass.session()->>'sub';

-- The claim `sub` as uuid; NULL when it is not one, so that a policy denies instead of failing.
create function auth.uid() returns uuid
  language plpgsql stable parallel safe
  set search_path = pg_catalog, pg_temp
as $$
declare
  subject constant text := rowpass.session()->>'sub';
begin
  if subject ~ '^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$' then
    return subject::uuid;
  end if;
  return null;
end
$$;

revoke all on function auth.session(), auth.jwt(), auth.user_id(), auth.uid() from public;
grant execute on function auth.session(), auth.jwt(), auth.user_id(), auth.uid() to authenticated, anonymous;
