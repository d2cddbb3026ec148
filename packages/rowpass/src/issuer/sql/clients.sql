-- What the issuer may do with clients. Functions of this schema run as the owner, and `rowpass_issuer` may call those that
-- are granted to it. None lists anything: to find a row its key has to be known.

create or replace function issuer.find_client(client text)
  returns table (secret_hash bytea, grant_types text[], scopes text[], tenant_id uuid, role text)
  language sql stable security definer
  set search_path = pg_catalog, pg_temp
as $$
  select c.secret_hash, c.grant_types, c.scopes, c.tenant_id, c.role from issuer.clients c where c.client_id = client
$$;

-- The session of a service, for one more token.
create or replace function issuer.extend_service(client text, ttl_seconds integer) returns uuid
  language sql volatile security definer
  set search_path = pg_catalog, pg_temp
as $$
  update issuer.clients set token_expires_at = greatest(token_expires_at, now() + make_interval(secs => ttl_seconds))
   where client_id = client
  returning sid
$$;

-- Ends the tokens that a service has so far, and gives it a new session.
create or replace function issuer.end_service(client text) returns void
  language sql volatile security definer
  set search_path = pg_catalog, pg_temp
as $$
  select rowpass.end_session(sid::text, until => token_expires_at) from issuer.clients where client_id = client
$$;

revoke all on function issuer.find_client(text), issuer.extend_service(text, integer), issuer.end_service(text) from public;
grant execute on function issuer.find_client(text), issuer.extend_service(text, integer), issuer.end_service(text)
  to rowpass_issuer;
