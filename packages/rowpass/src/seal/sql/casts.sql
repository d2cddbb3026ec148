-- Casts of a claim that give NULL for what is not of the type, in its usual form, so that a policy denies instead of
-- failing. No regular expression where it can be helped: PostgreSQL builds the automaton of one again in each statement,
-- which costs ten times what the cast does. In plpgsql, as PostgreSQL up to 17 plans an SQL function again in each
-- statement, which costs as much.
create or replace function rowpass.to_uuid(value text) returns uuid
  language plpgsql immutable strict parallel safe
  set search_path = pg_catalog, pg_temp
as $$
begin
  return case
    when translate(value, '123456789abcdefABCDEF', '000000000000000000000') = '00000000-0000-0000-0000-000000000000'
    then value::uuid
  end;
end
$$;

-- A whole number of up to 18 digits, in one spelling only.
create or replace function rowpass.to_bigint(value text) returns bigint
  language plpgsql immutable strict parallel safe
  set search_path = pg_catalog, pg_temp
as $$
begin
  return case
    when value = '0' then 0
    when value like '-%' then substring(value from '^-[1-9][0-9]{0,17}$')::bigint
    when value not like '0%' and octet_length(value) between 1 and 18 and ltrim(value, '0123456789') = ''
    then value::bigint
  end;
end
$$;

revoke all on function rowpass.to_uuid(text), rowpass.to_bigint(text) from public;
grant execute on function rowpass.to_uuid(text), rowpass.to_bigint(text) to authenticated, anonymous;
