-- Verified seals that are remembered. The gateway has one admitted, with all three settings of its envelope, and from then
-- on sets `rowpass.seal` to the ticket alone: the first 128 bits of the MAC, as 32 hexadecimal digits. No seal is that short.

-- The identity of the caller's ticket: for the role that it was sealed for, and until the seal expires. The condition
-- stands here and nowhere else. Only functions of the owner read it.
create or replace view rowpass.remembered as
  select session, uid from rowpass.identities
   where ticket_hash = sha256(current_setting('rowpass.seal', true)::bytea)
     and role = current_setting('role')
     and good_until > current_timestamp;
revoke all on rowpass.remembered from public;

create or replace function rowpass.refuse_ticket() returns void
  language plpgsql stable parallel safe
  set search_path = pg_catalog, pg_temp
as $$
begin
  -- The gateway knows this refusal by schema and constraint, and sends the request again with the whole seal.
  raise exception 'no identity is remembered for this ticket and the role %', quote_ident(current_setting('role'))
    using errcode = 'invalid_authorization_specification', schema = 'rowpass', constraint = 'ticket_unknown';
end
$$;
revoke all on function rowpass.refuse_ticket() from public;

-- All claims of the caller's ticket.
create or replace function rowpass.ticket_session() returns jsonb
  language plpgsql stable parallel safe security definer
  set search_path = pg_catalog, pg_temp
as $$
declare
  remembered jsonb;
begin
  select r.session into remembered from rowpass.remembered as r;
  if not found then
    perform rowpass.refuse_ticket();
  end if;
  return remembered;
end
$$;

-- The claim `sub` of the caller's ticket, as uuid; NULL when it is none.
create or replace function rowpass.ticket_uid() returns uuid
  language plpgsql stable parallel safe security definer
  set search_path = pg_catalog, pg_temp
as $$
declare
  remembered uuid;
begin
  select r.uid into remembered from rowpass.remembered as r;
  if not found then
    perform rowpass.refuse_ticket();
  end if;
  return remembered;
end
$$;

-- All claims, by ticket or seal; NULL when there is no identity. One expression, which PostgreSQL puts in the place of the
-- call: a function around both would cost the whole seal another eighth.
create or replace function rowpass.session() returns jsonb
  language sql stable parallel safe
  return case when octet_length(current_setting('rowpass.seal', true)) = 32 then rowpass.ticket_session()
    else rowpass.claims()::jsonb end;

revoke all on function rowpass.ticket_session(), rowpass.ticket_uid(), rowpass.session() from public;
grant execute on function rowpass.ticket_session(), rowpass.ticket_uid(), rowpass.session() to authenticated, anonymous;

-- Remembers the identity of the caller's seal, once that is verified; called under the whole envelope, in a transaction of
-- its own. Fails for whatever rowpass.claims() refuses, and where nothing can be written.
--
-- The second look at the seal comes after the locks: it sees a key that was removed and a session that was ended before
-- them, and who removes the key or ends the session later waits for this transaction and sees what it wrote. For that the
-- second look needs a snapshot of its own, which READ COMMITTED gives.
create or replace function rowpass.admit_identity() returns void
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
as $$
declare
  seal constant text := current_setting('rowpass.seal', true);
  -- The MAC in one spelling only: another would be one more ticket.
  claims text := case when seal ~ '^x[0-9a-f]{64};' then rowpass.claims() end;
  key text;
  session_id uuid;
  until timestamptz;
  who bytea;
begin
  if claims is null or current_setting('transaction_isolation') <> 'read committed' then
    raise exception 'an identity is admitted under its whole seal, in READ COMMITTED'
      using errcode = 'object_not_in_prerequisite_state';
  end if;
  key := split_part(seal, ':', 2);
  session_id := nullif(split_part(seal, ':', 4), '');
  until := to_timestamp(split_part(seal, ':', 3)::float8);
  -- More than anybody needs; whoever is not among them goes on with the whole seal.
  if octet_length(claims) > 4096
    or pg_stat_get_live_tuples('rowpass.identities'::regclass) > 1000000
    or pg_stat_get_live_tuples('rowpass.admitted_sessions'::regclass) > 1000000 then
    raise exception 'this identity is not remembered' using errcode = 'program_limit_exceeded';
  end if;

  perform from rowpass.seal_keys where name = key for key share;
  if session_id is not null then
    insert into rowpass.admitted_sessions as s (sid, good_until) values (session_id, until)
      on conflict (sid) do update set good_until = greatest(s.good_until, excluded.good_until);
  end if;
  claims := rowpass.claims();

  -- One person has 64 of them at most: those that expire first make room.
  who := sha256(convert_to(json_build_array(claims::json ->> 'iss', claims::json ->> 'sub')::text, 'UTF8'));
  delete from rowpass.identities where ticket_hash in (
    select ticket_hash from rowpass.identities where person = who order by good_until desc offset 63 for update skip locked);
  insert into rowpass.identities (ticket_hash, role, good_until, key_name, sid, session, uid, person)
  values (sha256(substr(seal, 2, 32)::bytea), current_setting('role'), until, key, session_id, claims::jsonb,
    rowpass.to_uuid(claims::json ->> 'sub'), who)
  on conflict (ticket_hash) do nothing;

  -- One comes, up to ten go that have expired.
  delete from rowpass.identities where ticket_hash in (
    select ticket_hash from rowpass.identities where good_until < now() order by good_until limit 10 for update skip locked);
  delete from rowpass.admitted_sessions where sid in (
    select sid from rowpass.admitted_sessions where good_until < now() order by good_until limit 10 for update skip locked);
end
$$;
revoke all on function rowpass.admit_identity() from public;
grant execute on function rowpass.admit_identity() to authenticated, anonymous;

-- A session that is ended, in whatever way its row was written, has no identity any more.
create or replace function rowpass.forget_session() returns trigger
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
as $$
begin
  -- Waits for whoever admits one. Where that was done after the snapshot of this transaction, which then cannot see it,
  -- PostgreSQL fails it here with 40001.
  insert into rowpass.admitted_sessions as s (sid, good_until) values (new.sid, now())
    on conflict (sid) do update set good_until = s.good_until;
  delete from rowpass.identities where sid = new.sid;
  delete from rowpass.admitted_sessions where sid = new.sid;
  return null;
end
$$;
revoke all on function rowpass.forget_session() from public;
create or replace trigger forget_identities after insert or update on rowpass.revoked_sessions
  for each row execute function rowpass.forget_session();
-- Also where the row comes by logical replication.
alter table rowpass.revoked_sessions enable always trigger forget_identities;

-- Identities go with their key. One that gets other pads under its name would leave them.
create or replace function rowpass.refuse_other_pads() returns trigger
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $$
begin
  raise exception 'a seal key does not change: delete it and insert the other'
    using errcode = 'object_not_in_prerequisite_state';
end
$$;
revoke all on function rowpass.refuse_other_pads() from public;
create or replace trigger refuse_other_pads before update of name, inner_pad, outer_pad on rowpass.seal_keys
  for each row execute function rowpass.refuse_other_pads();
