-- The check of the seal, and the claims as the text that was sealed; NULL when there is no identity. Under a ticket, which
-- `identities.sql` describes, they are those that were verified when it was admitted.
-- Two settings carry it: rowpass.claims is the JSON, rowpass.seal reads x<mac>;:<key name>:<good until>:<session>: where
-- the session is the claim `sid` as uuid, or empty. The MAC covers <role>::<key name>:<good until>:<session>:<claims>. Any
-- role may write both settings, so nothing in them is believed before the MAC is checked.
-- The first colon after the role is written here and not read from the seal, and no role that is sealed has one: so the
-- end of a role's name cannot be moved into the seal, which would make a seal for "app_admin" one for "app".
-- Once in a transaction PostgreSQL prepares each expression of a function anew, and checks the right to every function
-- and operator in it: that is the cost of this one, and why the way to success has as few of them as it can.
create or replace function rowpass.claims() returns text
  language plpgsql stable parallel safe security definer
  set search_path = pg_catalog, pg_temp
as $$
declare
  seal constant text := current_setting('rowpass.seal', true);
  claims constant text := current_setting('rowpass.claims', true);
  inner_key bytea;
  outer_key bytea;
begin
  if octet_length(seal) = 32 then
    return rowpass.ticket_session()::text;
  end if;
  select inner_pad, outer_pad into inner_key, outer_key from rowpass.seal_keys where name = split_part(seal, ':', 2);

  -- The MACs are compared by counting the bits that differ: a comparison that stops at the first difference would tell
  -- a caller who can try many seals how much of one is right.
  -- The role is part of what was sealed, so SET ROLE cannot carry the claims to another.
  -- A seal is good for a minute longer than its token, for clocks that differ. Copied out of a session it is worth
  -- nothing after that.
  if found
     and bit_count(split_part(seal, ';', 1)::bit(256) # ('x' || encode(sha256(outer_key || sha256(inner_key || convert_to(
           current_setting('role') || ':' || split_part(seal, ';', 2) || claims, 'UTF8'))), 'hex'))::bit(256)) = 0
     and split_part(seal, ':', 3)::float8 > date_part('epoch', current_timestamp) then
    if split_part(seal, ':', 4) <> '' then
      perform from rowpass.revoked_sessions where sid = split_part(seal, ':', 4)::uuid;
      if found then
        -- The gateway knows this refusal by schema and constraint.
        raise exception 'the session has been ended'
          using errcode = 'invalid_authorization_specification', schema = 'rowpass', constraint = 'session_revoked';
      end if;
    end if;
    return claims;
  end if;

  -- After the transaction that set it, a custom setting reads '' and not NULL.
  if seal <> '' then
    raise exception '%', case
        when inner_key is null then 'the session is sealed with a key that this database does not have'
        when split_part(seal, ':', 3)::float8 <= date_part('epoch', current_timestamp) then 'the session has expired'
        else format('the session is not sealed for the role %I, or its seal is not valid', current_setting('role'))
      end
      using errcode = 'invalid_authorization_specification',
            hint = case when inner_key is not null and split_part(seal, ':', 3)::float8 <= date_part('epoch', current_timestamp)
              then format('It ended %s s ago by the clock of this server. Sign in again; if the token is new, the clocks of this server and of what sealed it differ.',
                ceil(date_part('epoch', current_timestamp) - split_part(seal, ':', 3)::float8))
              else 'Only the gateway can seal a session; its keys are installed by "rowpass db migrate".' end;
  end if;
  return null;
end
$$;
revoke all on function rowpass.claims() from public;
grant execute on function rowpass.claims() to authenticated, anonymous;
