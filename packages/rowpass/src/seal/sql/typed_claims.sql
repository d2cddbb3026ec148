-- needs-create-in: auth
-- Typed claims for policies: `tenant_id = (select auth.claim_uuid('tenant_id'))`. A claim that is missing or of another
-- type is NULL and never an error, so the policy denies. Top-level claims only.
--
-- Each but the last is one expression that reads the session once, and PostgreSQL puts that expression in the place of
-- the call: a uuid with its check costs what the bare `(auth.session() ->> 'tenant_id')::uuid` costs. They ask
-- auth.session() and not rowpass.session(): where pg_session_jwt owns that function, they read its claims. There the
-- schema may belong to somebody else; the first line skips this file where the owner may not create in it.

-- A JSON string. In strict mode an array is not unwrapped, so that ["admin"] is not admin.
create or replace function auth.claim_text(name text) returns text
  language sql stable parallel safe
  return jsonb_path_query_first(auth.session() -> name, 'strict $ ? (@.type() == "string")') #>> '{}';

create or replace function auth.claim_uuid(name text) returns uuid
  language sql stable parallel safe
  return rowpass.to_uuid(auth.session() ->> name);

-- A whole number of up to 18 digits, or a string of them, as the subject of a token always is one (RFC 7519 §4.1.2). In
-- one spelling only: "007" is nobody, not 7. An index on an integer of any size serves the comparison with bigint.
create or replace function auth.claim_int(name text) returns bigint
  language sql stable parallel safe
  return rowpass.to_bigint(auth.session() ->> name);

-- JSON true or false; the string "true" is neither.
create or replace function auth.claim_bool(name text) returns boolean
  language sql stable parallel safe
  return substring((auth.session() -> name)::text from '^(?:true|false)$')::boolean;

-- An array of uuids; one other element makes the whole of it NULL, so that a list of exceptions does not lose one. A
-- jsonb prints its arrays in one way, and with nothing but uuids in it the text differs from that of a PostgreSQL array
-- in brackets and quotes.
create or replace function auth.claim_uuids(name text) returns uuid[]
  language sql stable parallel safe
  return translate(
    substring((auth.session() -> name)::text from
      '^\[(?:"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"(?:, "[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")*)?\]$'),
    '[]" ', '{}')::uuid[];

-- An array of strings; one other element makes the whole of it NULL.
create or replace function auth.claim_texts(name text) returns text[]
  language plpgsql stable parallel safe
  set search_path = pg_catalog, pg_temp
as $$
declare
  claim constant jsonb := auth.session() -> name;
begin
  if jsonb_typeof(claim) = 'array' and not jsonb_path_exists(claim, 'strict $[*] ? (@.type() != "string")') then
    return array(select jsonb_array_elements_text(claim));
  end if;
  return null;
end
$$;

revoke all on function auth.claim_text(text), auth.claim_uuid(text), auth.claim_int(text), auth.claim_bool(text),
  auth.claim_uuids(text), auth.claim_texts(text) from public;
grant execute on function auth.claim_text(text), auth.claim_uuid(text), auth.claim_int(text), auth.claim_bool(text),
  auth.claim_uuids(text), auth.claim_texts(text) to authenticated, anonymous;
