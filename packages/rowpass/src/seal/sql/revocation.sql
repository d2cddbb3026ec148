-- What the gateway writes for a claim `sid`: the uuid that it is, or else one made of its SHA-256.
create or replace function rowpass.session_id(sid text) returns uuid
  language sql immutable strict parallel safe
  return coalesce(
    substring(sid from '^[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$'),
    left(encode(sha256(convert_to(sid, 'UTF8')), 'hex'), 32))::uuid;
revoke all on function rowpass.session_id(text) from public;

-- Ends a session, of whatever issuer: from the next statement on, tokens with this `sid` are refused wherever the row
-- is. `until` is when the last of these tokens has expired; the row may go two minutes later.
create or replace function rowpass.end_session(sid text, until timestamptz default now() + interval '1 day') returns void
  language sql volatile
  set search_path = pg_catalog, pg_temp
as $$
  insert into rowpass.revoked_sessions as r (sid, expires_at)
  values (rowpass.session_id(end_session.sid), until + interval '2 minutes')
  on conflict on constraint revoked_sessions_pkey do update set expires_at = greatest(r.expires_at, excluded.expires_at)
$$;
revoke all on function rowpass.end_session(text, timestamptz) from public;

-- Whoever ends a session clears away up to a hundred rows that have no effect any more.
create or replace function rowpass.prune_revoked_sessions() returns trigger
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
as $$
begin
  delete from rowpass.revoked_sessions where sid in (
    select sid from rowpass.revoked_sessions where expires_at < now()
     order by expires_at limit 100 for update skip locked);
  return null;
end
$$;
revoke all on function rowpass.prune_revoked_sessions() from public;
create or replace trigger prune after insert on rowpass.revoked_sessions
  for each statement execute function rowpass.prune_revoked_sessions();

-- Refuses a request whose session was ended, whether or not its statements ask who their caller is: the gateway calls it
-- in the envelope of each token that names a session.
--
-- It runs as a login that has no rights, and for roles of which nothing is known. So PUBLIC may call it. It takes no
-- argument and tells nothing but whether the session in the caller's own seal was ended, or their ticket is not known.
-- Does NOT check the seal: that is rowpass.claims(), which refuses ended sessions too, as a statement may come otherwise.
create or replace function rowpass.refuse_ended_session() returns boolean
  language plpgsql stable parallel safe security definer
  set search_path = pg_catalog, pg_temp
as $$
begin
  if octet_length(current_setting('rowpass.seal', true)) = 32 then
    perform from rowpass.remembered;
    if not found then
      perform rowpass.refuse_ticket();
    end if;
    return false;
  end if;
  perform from rowpass.revoked_sessions
    where sid = nullif(split_part(current_setting('rowpass.seal', true), ':', 4), '')::uuid;
  if found then
    -- The gateway knows this refusal by schema and constraint.
    raise exception 'the session has been ended'
      using errcode = 'invalid_authorization_specification', schema = 'rowpass', constraint = 'session_revoked';
  end if;
  return false;
end
$$;
grant execute on function rowpass.refuse_ended_session() to public;
