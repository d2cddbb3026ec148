-- What came out of a reading of the issuer's functions. None of them changes its arguments or its result.

-- A service is the subject of its own tokens, and people are by their id: nobody may be both.
alter table issuer.clients add constraint clients_not_a_person
  check (client_id !~ '^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$');

-- One invite at a time for an address and whom it is for. A sign-up, which anybody may begin for any address, does not
-- take the place of what an admin has sent.
alter table issuer.invites drop constraint invites_email_key;
alter table issuer.invites add constraint invites_one unique nulls not distinct (email, user_id);

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

-- As before, and where the address was somebody else's, their sessions end with their account.
create or replace function issuer.set_password(person uuid, address text, hash text, expected integer, keep uuid)
  returns boolean
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
as $$
declare
  former uuid;
begin
  if expected is null then
    delete from issuer.accounts where email = address and user_id <> person returning user_id into former;
    perform issuer.end_sessions(former, null);
    insert into issuer.accounts as a (user_id, email, password_hash) values (person, address, hash)
      on conflict (user_id) do update set
        email = excluded.email, password_hash = excluded.password_hash, version = a.version + 1, changed_at = now();
  else
    update issuer.accounts set password_hash = hash, version = version + 1, changed_at = now()
     where user_id = person and version = expected;
    if not found then
      return false;
    end if;
  end if;
  perform issuer.end_sessions(person, keep);
  return true;
end
$$;

-- As before, but for an address from which somebody has signed in: that is remembered for as long as it counts.
create or replace function issuer.prune() returns void
  language sql volatile security definer
  set search_path = pg_catalog, pg_temp
as $$
  delete from issuer.attempts where bucket in (
    select bucket from issuer.attempts where expires_at < now() and known_until < now() limit 1000 for update skip locked);
  delete from issuer.sessions where sid in (
    select sid from issuer.sessions where expires_at < now() limit 1000 for update skip locked);
  delete from issuer.invites where hash in (
    select hash from issuer.invites where expires_at < now() limit 1000 for update skip locked);
  delete from rowpass.revoked_sessions where sid in (
    select sid from rowpass.revoked_sessions where expires_at < now() limit 1000 for update skip locked);
$$;
