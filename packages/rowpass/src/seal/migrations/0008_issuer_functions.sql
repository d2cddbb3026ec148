-- What the issuer may do with its tables, one function for each step. They run as the owner; `rowpass_issuer` may call
-- them and nothing else of this schema. No function lists anything: to find a row its key has to be known.

-- Until when an account+address counts as known: somebody has signed in from there.
alter table issuer.attempts add column known_until timestamptz not null default '-infinity';

-- Clients ---------------------------------------------------------------------------------------------------------

create function issuer.find_client(client text)
  returns table (secret_hash bytea, grant_types text[], scopes text[], tenant_id uuid, role text)
  language sql stable security definer
  set search_path = pg_catalog, pg_temp
as $$
  select c.secret_hash, c.grant_types, c.scopes, c.tenant_id, c.role from issuer.clients c where c.client_id = client
$$;

-- The session of a service, for one more token.
create function issuer.extend_service(client text, ttl_seconds integer) returns uuid
  language sql volatile security definer
  set search_path = pg_catalog, pg_temp
as $$
  update issuer.clients set token_expires_at = greatest(token_expires_at, now() + make_interval(secs => ttl_seconds))
   where client_id = client
  returning sid
$$;

-- Ends the tokens that a service has so far, and gives it a new session.
create function issuer.end_service(client text) returns void
  language sql volatile security definer
  set search_path = pg_catalog, pg_temp
as $$
  insert into rowpass.revoked_sessions (sid, expires_at)
  select sid, token_expires_at + interval '2 minutes' from issuer.clients where client_id = client
  on conflict do nothing;
  update issuer.clients set sid = gen_random_uuid() where client_id = client;
$$;

-- Attempts --------------------------------------------------------------------------------------------------------

-- Counts one attempt as a failure. After `free` of them the next one waits five seconds, then twice as long each time, up
-- to `longest`.
create function issuer.count_failure(key bytea, free integer, longest interval) returns void
  language sql volatile
  set search_path = pg_catalog, pg_temp
as $$
  insert into issuer.attempts as a (bucket, failures, expires_at) values (key, 1, now() + interval '1 day')
  on conflict (bucket) do update set
    failures = case when a.expires_at <= now() then 1 else a.failures + 1 end,
    expires_at = excluded.expires_at,
    blocked_until = case
      when a.expires_at > now() and a.failures + 1 >= free
      then clock_timestamp() + least(longest, interval '5 seconds' * 2 ^ least(a.failures + 1 - free, 20))
      else '-infinity' end
$$;

-- Admits an attempt, which is a failure until `forgive` says otherwise, or says how many seconds to wait. A refused one
-- is not counted, so that nobody is kept out by trying. Buckets are hashes; `pair` is account and address together.
-- The limit of the account alone is there against many addresses. Nobody can keep its owner out with it: it asks for a
-- minute at most, and not at all where the owner has signed in before.
create function issuer.admit(account bytea, pair bytea, address bytea) returns integer
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
as $$
declare
  known boolean := false;
  blocked timestamptz;
begin
  if pair is not null then
    -- The row is locked, so that attempts at the same moment are looked at one after the other.
    insert into issuer.attempts (bucket, failures, expires_at) values (pair, 0, now() + interval '1 day')
      on conflict do nothing;
    select known_until > now() into known from issuer.attempts where bucket = pair for update;
  end if;
  select max(blocked_until) into blocked from issuer.attempts
   where blocked_until > clock_timestamp() and (bucket in (pair, address) or bucket = account and not coalesce(known, false));
  if blocked is not null then
    return ceil(extract(epoch from blocked - clock_timestamp()));
  end if;
  if pair is not null then
    perform issuer.count_failure(pair, 5, interval '15 minutes');
  end if;
  if account is not null then
    perform issuer.count_failure(account, 50, interval '1 minute');
  end if;
  if address is not null then
    perform issuer.count_failure(address, 100, interval '15 minutes');
  end if;
  if random() < 0.01 then
    perform issuer.prune();
  end if;
  return 0;
end
$$;

-- The attempt was a success. The address keeps what it has failed elsewhere, but for this one.
create function issuer.forgive(account bytea, pair bytea, address bytea) returns void
  language sql volatile security definer
  set search_path = pg_catalog, pg_temp
as $$
  update issuer.attempts set failures = 0, blocked_until = '-infinity', known_until = now() + interval '30 days',
    expires_at = now() + interval '30 days'
   where bucket = pair;
  update issuer.attempts set failures = greatest(failures - 1, 0) where bucket in (account, address);
$$;

-- Deletes what has no effect any more, a bounded number of rows.
create function issuer.prune() returns void
  language sql volatile security definer
  set search_path = pg_catalog, pg_temp
as $$
  delete from issuer.attempts where bucket in (
    select bucket from issuer.attempts where expires_at < now() limit 1000 for update skip locked);
  delete from issuer.sessions where sid in (
    select sid from issuer.sessions where expires_at < now() limit 1000 for update skip locked);
  delete from issuer.invites where hash in (
    select hash from issuer.invites where expires_at < now() limit 1000 for update skip locked);
  delete from rowpass.revoked_sessions where sid in (
    select sid from rowpass.revoked_sessions where expires_at < now() limit 1000 for update skip locked);
$$;

-- Accounts --------------------------------------------------------------------------------------------------------

create function issuer.account_of(address text) returns uuid
  language sql stable security definer
  set search_path = pg_catalog, pg_temp
as $$
  select user_id from issuer.accounts where email = address
$$;

-- The hash to check a password against, by the person.
create function issuer.credential_of(person uuid) returns table (password_hash text, version integer, email text)
  language sql stable security definer
  set search_path = pg_catalog, pg_temp
as $$
  select a.password_hash, a.version, a.email from issuer.accounts a where a.user_id = person
$$;

-- Sets a password and ends every session of the person but one. The address becomes theirs: whoever calls this has
-- seen that they control it. With `expected`, only where the password was not changed meanwhile.
create function issuer.set_password(person uuid, address text, hash text, expected integer, keep uuid) returns boolean
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
as $$
begin
  if expected is null then
    delete from issuer.accounts where email = address and user_id <> person;
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

-- The same password, hashed with newer parameters.
create function issuer.replace_hash(person uuid, expected integer, hash text) returns void
  language sql volatile security definer
  set search_path = pg_catalog, pg_temp
as $$
  update issuer.accounts set password_hash = hash where user_id = person and version = expected
$$;

-- Sessions --------------------------------------------------------------------------------------------------------

-- Begins a session, unless the password was changed since it was checked. At most 100 a person: the oldest ends.
create function issuer.open_session(
  new_sid uuid, person uuid, expected integer, client text, granted text, refresh_hash bytea,
  idle_seconds integer, life_seconds integer, ttl_seconds integer
) returns boolean
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
as $$
begin
  -- Locked against a change of the password, which ends the sessions that it finds.
  perform from issuer.accounts where user_id = person and version = expected for share;
  if not found then
    return false;
  end if;
  perform issuer.end_session(old.sid) from (
    select sid from issuer.sessions where user_id = person order by created_at desc offset 99
  ) as old;
  insert into issuer.sessions (sid, user_id, client_id, scope, expires_at, ends_at, token_expires_at)
  values (new_sid, person, client, granted,
    now() + make_interval(secs => least(idle_seconds, life_seconds)), now() + make_interval(secs => life_seconds),
    now() + make_interval(secs => ttl_seconds));
  if refresh_hash is not null then
    insert into issuer.refresh_tokens (hash, sid) values (refresh_hash, new_sid);
  end if;
  if random() < 0.01 then
    perform issuer.prune();
  end if;
  return true;
end
$$;

-- A session that is alive.
create function issuer.find_session(session uuid)
  returns table (user_id uuid, client_id text, scope text, expires_at timestamptz)
  language sql stable security definer
  set search_path = pg_catalog, pg_temp
as $$
  select s.user_id, s.client_id, s.scope, s.expires_at from issuer.sessions s
   where s.sid = session and s.expires_at > now()
  union all
  select null, c.client_id, null, 'infinity' from issuer.clients c where c.sid = session
$$;

-- The session of a refresh token, used or not.
create function issuer.find_refresh(token_hash bytea)
  returns table (sid uuid, user_id uuid, client_id text, scope text, expires_at timestamptz, used boolean)
  language sql stable security definer
  set search_path = pg_catalog, pg_temp
as $$
  select s.sid, s.user_id, s.client_id, s.scope, s.expires_at, t.used_at is not null
    from issuer.refresh_tokens t join issuer.sessions s using (sid)
   where t.hash = token_hash and s.expires_at > now()
$$;

-- Takes a refresh token and puts a new one in its place. A token that was used before ends its session, whoever sends
-- it: it cannot be told which of the two is the thief.
create function issuer.rotate_refresh(
  token_hash bytea, client text, new_hash bytea, idle_seconds integer, ttl_seconds integer
) returns table (outcome text, sid uuid, user_id uuid)
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  found_session issuer.sessions;
begin
  -- Uses of one family go one after the other.
  select s.* into found_session from issuer.sessions s
   where s.sid = (select t.sid from issuer.refresh_tokens t where t.hash = token_hash) and s.client_id = client
     and s.expires_at > now()
     for update;
  if found_session.sid is null then
    return query select 'unknown', null::uuid, null::uuid;
    return;
  end if;
  update issuer.refresh_tokens set used_at = now() where hash = token_hash and used_at is null;
  if not found or found_session.generation >= 10000 then
    perform issuer.end_session(found_session.sid);
    return query select 'reused', found_session.sid, found_session.user_id;
    return;
  end if;
  insert into issuer.refresh_tokens (hash, sid) values (new_hash, found_session.sid);
  update issuer.sessions s set
    expires_at = least(s.ends_at, now() + make_interval(secs => idle_seconds)),
    token_expires_at = greatest(s.token_expires_at, now() + make_interval(secs => ttl_seconds)),
    generation = s.generation + 1
   where s.sid = found_session.sid;
  return query select 'rotated', found_session.sid, found_session.user_id;
end
$$;

-- One more access token for a session that is alive and belongs to this person and client; false where there is none.
create function issuer.extend_session(session uuid, person uuid, client text, ttl_seconds integer) returns boolean
  language sql volatile security definer
  set search_path = pg_catalog, pg_temp
as $$
  with extended as (
    update issuer.sessions
       set token_expires_at = greatest(token_expires_at, now() + make_interval(secs => ttl_seconds))
     where sid = session and user_id = person and client_id = client and expires_at > now()
    returning sid
  )
  select exists (select from extended)
$$;

-- Ends a session: its refresh tokens are gone, its access tokens are refused from the next statement on.
create function issuer.end_session(session uuid) returns boolean
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
as $$
declare
  until timestamptz;
begin
  delete from issuer.sessions where sid = session returning token_expires_at into until;
  if until is null then
    return false;
  end if;
  -- Longer than the tokens live, by the minute that the database allows for clocks that differ and one more.
  insert into rowpass.revoked_sessions (sid, expires_at) values (session, until + interval '2 minutes')
    on conflict do nothing;
  return true;
end
$$;

create function issuer.end_sessions(person uuid, keep uuid) returns integer
  language sql volatile security definer
  set search_path = pg_catalog, pg_temp
as $$
  select count(issuer.end_session(sid))::integer from issuer.sessions
   where user_id = person and sid is distinct from keep
$$;

-- Invites ---------------------------------------------------------------------------------------------------------

-- One at a time for an address: the last one holds.
create function issuer.invite(
  token_hash bytea, address text, person uuid, new_name text, new_tenant text, ttl_seconds integer
) returns void
  language sql volatile security definer
  set search_path = pg_catalog, pg_temp
as $$
  insert into issuer.invites (hash, email, user_id, name, tenant_name, expires_at)
  values (token_hash, address, person, new_name, new_tenant, now() + make_interval(secs => ttl_seconds))
  on conflict (email) do update set hash = excluded.hash, user_id = excluded.user_id, name = excluded.name,
    tenant_name = excluded.tenant_name, expires_at = excluded.expires_at
$$;

-- Takes an invite, once.
create function issuer.take_invite(token_hash bytea)
  returns table (email text, user_id uuid, name text, tenant_name text)
  language sql volatile security definer
  set search_path = pg_catalog, pg_temp
as $$
  delete from issuer.invites i where i.hash = token_hash and i.expires_at > now()
  returning i.email, i.user_id, i.name, i.tenant_name
$$;

revoke all on all functions in schema issuer from public;
grant execute on all functions in schema issuer to rowpass_issuer;
revoke execute on function issuer.count_failure(bytea, integer, interval) from rowpass_issuer;
