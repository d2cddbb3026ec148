-- The private half: keys that only the owner can read, and the one function that may use them.
-- Runs as the owner, after the roles `authenticated` and `anonymous` exist.

create schema if not exists rowpass;
revoke all on schema rowpass from public;
grant usage on schema rowpass to authenticated, anonymous;

-- HMAC-SHA256 (RFC 2104) keys, kept as the two 64-byte pads so that each check costs two hashes and no XOR.
create table rowpass.seal_keys (
  name text primary key check (name ~ '^[a-z0-9_-]{1,32}$'),
  inner_pad bytea not null check (octet_length(inner_pad) = 64),
  outer_pad bytea not null check (octet_length(outer_pad) = 64),
  created_at timestamptz not null default now()
);
revoke all on rowpass.seal_keys from public;

-- Claims of the identity that the gateway sealed into this transaction; NULL when there is none.
-- Two settings carry it: rowpass.claims is the JSON, rowpass.seal reads <mac>:<key name>:<role>:<exp>. The MAC covers
-- <key name>:<role>:<exp>:<claims>. Any role may write both settings, so nothing in them is believed before the MAC is
-- checked.
-- Once in a transaction each expression of a function is prepared anew, so the way to success has few of them.
create function rowpass.session() returns jsonb
  language plpgsql stable parallel safe security definer
  set search_path = pg_catalog, pg_temp
as $$
declare
  seal constant text := current_setting('rowpass.seal', true);
  claims constant text := current_setting('rowpass.claims', true);
  key rowpass.seal_keys;
  reason text;
begin
  -- After the transaction that set it, a custom setting reads '' and not NULL.
  if seal <> '' then
    select * into key from rowpass.seal_keys where name = split_part(seal, ':', 2);

    -- The MACs are compared by counting the bits that differ: a comparison that stops at the first difference would
    -- tell a caller who can try many seals how much of one is right.
    -- The seal names one role, so SET ROLE cannot carry the claims to another.
    -- The gateway refuses an expired token exactly; here a minute is allowed for clocks that differ. A seal copied out
    -- of a session is worth nothing after that.
    if bit_count(('x' || left(seal, 64))::bit(256) # ('x' || encode(sha256(key.outer_pad || sha256(
           key.inner_pad || convert_to(substr(seal, 66) || ':' || claims, 'UTF8'))), 'hex'))::bit(256)) = 0
       and split_part(seal, ':', 3) = current_setting('role')
       and split_part(seal, ':', 4)::float8 > date_part('epoch', now()) - 60 then
      return claims;
    end if;

    reason := case
      when key.name is null then 'the session is sealed with a key that this database does not have'
      when split_part(seal, ':', 3) <> current_setting('role') then 'the session is sealed for another role'
      when split_part(seal, ':', 4)::float8 <= date_part('epoch', now()) - 60 then 'the session has expired'
      else 'the session seal is not valid'
    end;
    raise exception '%', reason
      using errcode = 'invalid_authorization_specification',
            hint = 'Only the gateway can seal a session; its keys are installed by "rowpass db migrate".';
  end if;
  return null;
end
$$;
revoke all on function rowpass.session() from public;
grant execute on function rowpass.session() to authenticated, anonymous;
