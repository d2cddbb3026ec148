-- The first form of the session, which bench/session-forms.ts compares. `$schema` stands for a schema of its own.
create function $schema.session() returns jsonb
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
