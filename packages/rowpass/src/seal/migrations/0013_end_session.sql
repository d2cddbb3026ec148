-- A session of our own issuer that is ended in SQL ends as a whole, its refresh tokens too.

-- Ends a session, of whatever issuer: from the next statement on, tokens with this `sid` are refused wherever the row
-- is. `until` is when the last of these tokens has expired; the row may go two minutes later.
-- Of our issuer there is more to end than tokens that were signed: a refresh token would give others of the same `sid`,
-- and they would be good once the row is gone. A service gets a new session for the tokens that it asks for from now on.
create or replace function rowpass.end_session(sid text, until timestamptz default now() + interval '1 day') returns void
  language sql volatile
  set search_path = pg_catalog, pg_temp
as $$
  with ended as (
    delete from issuer.sessions s where s.sid = rowpass.session_id(end_session.sid) returning s.token_expires_at
  ), renewed as (
    update issuer.clients c set sid = gen_random_uuid() where c.sid = rowpass.session_id(end_session.sid)
    returning c.token_expires_at
  ), known as (
    select token_expires_at from ended union all select token_expires_at from renewed
  )
  insert into rowpass.revoked_sessions as r (sid, expires_at)
  select rowpass.session_id(end_session.sid),
         greatest(until, (select max(token_expires_at) from known)) + interval '2 minutes'
  on conflict on constraint revoked_sessions_pkey do update set expires_at = greatest(r.expires_at, excluded.expires_at)
$$;

-- As before; a row that is there already, and goes too early, stays for as long as it has to.
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

-- As before, but a session stays until its last token has expired: it can be ended until then.
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
