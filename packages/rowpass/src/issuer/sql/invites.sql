-- Single-use tokens out of mails.

-- One at a time for an address and whom it is for: the last one holds.
create or replace function issuer.invite(
  token_hash bytea, address text, person uuid, new_name text, new_tenant text, ttl_seconds integer
) returns void
  language sql volatile security definer
  set search_path = pg_catalog, pg_temp
as $$
  insert into issuer.invites (hash, email, user_id, name, tenant_name, expires_at)
  values (token_hash, address, person, new_name, new_tenant, now() + make_interval(secs => ttl_seconds))
  on conflict on constraint invites_one do update set hash = excluded.hash, name = excluded.name,
    tenant_name = excluded.tenant_name, expires_at = excluded.expires_at
$$;

-- Takes an invite, once. The others of its address go with it: each would move the address to somebody else.
create or replace function issuer.take_invite(token_hash bytea)
  returns table (email text, user_id uuid, name text, tenant_name text)
  language sql volatile security definer
  set search_path = pg_catalog, pg_temp
as $$
  with gone as (
    delete from issuer.invites i
     where i.email = (select t.email from issuer.invites t where t.hash = token_hash and t.expires_at > now())
    returning i.*
  )
  select g.email, g.user_id, g.name, g.tenant_name from gone g where g.hash = token_hash
$$;

revoke all on function issuer.invite(bytea, text, uuid, text, text, integer), issuer.take_invite(bytea) from public;
grant execute on function issuer.invite(bytea, text, uuid, text, text, integer), issuer.take_invite(bytea) to rowpass_issuer;
