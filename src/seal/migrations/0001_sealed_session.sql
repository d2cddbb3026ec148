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
-- The setting reads <mac>.<key name>.<role>.<claims as JSON>; the MAC covers all that follows the first dot.
-- Any role may write the setting, so nothing in it is believed before the MAC is checked.
create function rowpass.session() returns jsonb
  language plpgsql stable parallel safe security definer
  set search_path = pg_catalog, pg_temp
as $$
declare
  sealed constant text := current_setting('rowpass.session', true);
  message constant text := substr(sealed, 66);
  key_name constant text := split_part(message, '.', 1);
  sealed_role constant text := split_part(message, '.', 2);
  expected text;
  claims jsonb;
begin
  -- After the transaction that set it, a custom setting reads '' and not NULL.
  if sealed is null or sealed = '' then
    return null;
  end if;

  select encode(sha256(k.outer_pad || sha256(k.inner_pad || convert_to(message, 'UTF8'))), 'hex')
    into expected
    from rowpass.seal_keys as k
   where k.name = key_name;

  -- Both sides are hashed once more: bytea comparison stops at the first difference, which would tell a caller who
  -- can try many seals how much of the MAC is right.
  if expected is null
     or sha256(convert_to(expected || '.', 'UTF8')) <> sha256(convert_to(left(sealed, 65), 'UTF8')) then
    raise exception 'the session seal is not valid'
      using errcode = 'invalid_authorization_specification',
            hint = 'Only the gateway can set rowpass.session. If it did, its seal key is not installed in this database.';
  end if;

  -- The seal names one role, so SET ROLE cannot carry the claims to another.
  if sealed_role <> current_setting('role') then
    raise exception 'the session is sealed for another role'
      using errcode = 'invalid_authorization_specification';
  end if;

  claims := substr(message, length(key_name) + length(sealed_role) + 3)::jsonb;

  -- The gateway refuses an expired token exactly; here a minute is allowed for clocks that differ. A seal copied out
  -- of a session is worth nothing after that.
  if coalesce((claims->>'exp')::numeric, 0) <= extract(epoch from now()) - 60 then
    raise exception 'the session has expired'
      using errcode = 'invalid_authorization_specification';
  end if;

  return claims;
end
$$;
revoke all on function rowpass.session() from public;
grant execute on function rowpass.session() to authenticated, anonymous;
