-- Sessions and their refresh tokens.

-- Begins a session, unless the password was changed since it was checked. At most 100 a person: the oldest ends.
create or replace function issuer.open_session(
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
create or replace function issuer.find_session(session uuid)
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
create or replace function issuer.find_refresh(token_hash bytea)
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
create or replace function issuer.rotate_refresh(
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
create or replace function issuer.extend_session(session uuid, person uuid, client text, ttl_seconds integer) returns boolean
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
create or replace function issuer.end_session(session uuid) returns boolean
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
  insert into rowpass.revoked_sessions as r (sid, expires_at) values (session, until + interval '2 minutes')
    on conflict on constraint revoked_sessions_pkey do update set expires_at = greatest(r.expires_at, excluded.expires_at);
  return true;
end
$$;

-- Signs a person out everywhere, or everywhere but in one session; returns how many sessions ended. In one order, so that
-- two at the same time do not wait for each other.
create or replace function issuer.end_sessions(person uuid, keep uuid default null) returns integer
  language sql volatile security definer
  set search_path = pg_catalog, pg_temp
as $$
  select count(*) filter (where issuer.end_session(s.sid))::integer from (
    select sid from issuer.sessions where user_id = person and sid is distinct from keep order by sid
  ) as s
$$;

-- A session of this issuer that is ended by its `sid` alone, as by rowpass.end_session(), ends as a whole: a refresh token
-- would give others of the same `sid`, and they would be good once the row is gone. The row stays until the last token
-- has expired. A service gets a new session for the tokens that it asks for from now on.
create or replace function issuer.end_with_sid() returns trigger
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
as $$
declare
  last_token timestamptz;
begin
  with ended as (
    delete from issuer.sessions s where s.sid = new.sid returning s.token_expires_at
  ), renewed as (
    update issuer.clients c set sid = gen_random_uuid() where c.sid = new.sid returning c.token_expires_at
  )
  select max(token_expires_at) into last_token
    from (select * from ended union all select * from renewed) as known;
  -- Longer than the tokens live, by the minute that the database allows for clocks that differ and one more.
  new.expires_at := greatest(new.expires_at, last_token + interval '2 minutes');
  return new;
end
$$;
create or replace trigger end_at_issuer before insert on rowpass.revoked_sessions
  for each row execute function issuer.end_with_sid();

-- Deletes what has no effect any more, a bounded number of rows. An address from which somebody has signed in is
-- remembered for as long as it counts; a session stays until its last token has expired: it can be ended until then.
create or replace function issuer.prune() returns void
  language sql volatile security definer
  set search_path = pg_catalog, pg_temp
as $$
  delete from issuer.attempts where bucket in (
    select bucket from issuer.attempts where expires_at < now() and known_until < now() limit 1000 for update skip locked);
  delete from issuer.sessions where sid in (
    select sid from issuer.sessions where expires_at < now() and token_expires_at < now() limit 1000
       for update skip locked);
  delete from issuer.invites where hash in (
    select hash from issuer.invites where expires_at < now() limit 1000 for update skip locked);
  delete from rowpass.revoked_sessions where sid in (
    select sid from rowpass.revoked_sessions where expires_at < now() limit 1000 for update skip locked);
$$;

revoke all on function
  issuer.open_session(uuid, uuid, integer, text, text, bytea, integer, integer, integer), issuer.find_session(uuid),
  issuer.find_refresh(bytea), issuer.rotate_refresh(bytea, text, bytea, integer, integer),
  issuer.extend_session(uuid, uuid, text, integer), issuer.end_session(uuid), issuer.end_sessions(uuid, uuid),
  issuer.end_with_sid(), issuer.prune() from public;
grant execute on function
  issuer.open_session(uuid, uuid, integer, text, text, bytea, integer, integer, integer), issuer.find_session(uuid),
  issuer.find_refresh(bytea), issuer.rotate_refresh(bytea, text, bytea, integer, integer),
  issuer.extend_session(uuid, uuid, text, integer), issuer.end_session(uuid), issuer.end_sessions(uuid, uuid),
  issuer.prune() to rowpass_issuer;
