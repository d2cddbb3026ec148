-- file: 0001_sealed_session.sql
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
-- file: 0002_auth_functions.sql
-- unless-extension: pg_session_jwt
-- The public half: the names that policies use, those of Neon's pg_session_jwt. Where that extension is installed it
-- owns them, and this file is not applied; policies may then call rowpass.session().

create schema if not exists auth;
grant usage on schema auth to authenticated, anonymous;

-- All claims. Unlike pg_session_jwt, no identity is SQL NULL and not JSON null, so `auth.session() is null` is true.
create function auth.session() returns jsonb
  language sql stable parallel safe
  return rowpass.session();

create function auth.jwt() returns jsonb
  language sql stable parallel safe
  return rowpass.session();

-- The claim `sub` as text.
create function auth.user_id() returns text
  language sql stable parallel safe
  return rowpass.session()->>'sub';

-- The claim `sub` as uuid; NULL when it is not one, so that a policy denies instead of failing.
create function auth.uid() returns uuid
  language plpgsql stable parallel safe
  set search_path = pg_catalog, pg_temp
as $$
declare
  subject constant text := rowpass.session()->>'sub';
begin
  if subject ~ '^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$' then
    return subject::uuid;
  end if;
  return null;
end
$$;

revoke all on function auth.session(), auth.jwt(), auth.user_id(), auth.uid() from public;
grant execute on function auth.session(), auth.jwt(), auth.user_id(), auth.uid() to authenticated, anonymous;
-- file: 0003_typed_claims.sql
-- needs-create-in: auth
-- Typed claims for policies: `tenant_id = (select auth.claim_uuid('tenant_id'))`. A claim that is missing or of another
-- type is NULL and never an error, so the policy denies. Top-level claims only.
--
-- Each but the last is one expression that reads the session once, and PostgreSQL puts that expression in the place of
-- the call: a uuid with its check costs what the bare `(auth.session() ->> 'tenant_id')::uuid` costs. They ask
-- auth.session() and not rowpass.session(): where pg_session_jwt owns that function, they read its claims. There the
-- schema may belong to somebody else; the first line skips this file where the owner may not create in it.

-- A JSON string. In strict mode an array is not unwrapped, so that ["admin"] is not admin.
create function auth.claim_text(name text) returns text
  language sql stable parallel safe
  return jsonb_path_query_first(auth.session() -> name, 'strict $ ? (@.type() == "string")') #>> '{}';

create function auth.claim_uuid(name text) returns uuid
  language sql stable parallel safe
  return substring(auth.session() ->> name from '^[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$')::uuid;

-- A whole number of up to 18 digits, or a string of them, as the subject of a token always is one (RFC 7519 §4.1.2). In
-- one spelling only: "007" is nobody, not 7. An index on an integer of any size serves the comparison with bigint.
create function auth.claim_int(name text) returns bigint
  language sql stable parallel safe
  return substring(auth.session() ->> name from '^(?:0|-?[1-9][0-9]{0,17})$')::bigint;

-- JSON true or false; the string "true" is neither.
create function auth.claim_bool(name text) returns boolean
  language sql stable parallel safe
  return substring((auth.session() -> name)::text from '^(?:true|false)$')::boolean;

-- An array of uuids; one other element makes the whole of it NULL, so that a list of exceptions does not lose one. A
-- jsonb prints its arrays in one way, and with nothing but uuids in it the text differs from that of a PostgreSQL array
-- in brackets and quotes.
create function auth.claim_uuids(name text) returns uuid[]
  language sql stable parallel safe
  return translate(
    substring((auth.session() -> name)::text from
      '^\[(?:"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"(?:, "[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")*)?\]$'),
    '[]" ', '{}')::uuid[];

-- An array of strings; one other element makes the whole of it NULL.
create function auth.claim_texts(name text) returns text[]
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
-- file: 0004_signing_keys.sql
-- The issuer's key ring, for as many instances as there are. Private keys are encrypted before they come here, under a key
-- that the database never sees; the owner changes the ring, and `rowpass_issuer` calls the two functions below.

grant usage on schema rowpass to rowpass_issuer;

-- What the ring is told about the world; one row, written with the first key. Seconds.
create table rowpass.key_ring (
  one boolean primary key default true check (one),
  jwks_max_age_seconds integer not null check (jwks_max_age_seconds between 0 and 86400),
  lag_seconds double precision not null check (lag_seconds between 0 and 86400),
  skew_seconds double precision not null check (skew_seconds between 0 and 86400),
  ttl_seconds double precision not null check (ttl_seconds between 1 and 86400)
);

create table rowpass.signing_keys (
  -- RFC 7638 thumbprint of the public key.
  kid text primary key check (kid ~ '^[A-Za-z0-9_-]{43}$'),
  public_jwk jsonb not null check (not public_jwk ?| '{d,p,q,dp,dq,qi,k,oth}'),
  state text not null check (state in ('next', 'active', 'retired', 'gone')),
  added_at timestamptz not null,
  activated_at timestamptz check (activated_at is not null or state <> 'active'),
  retired_at timestamptz check (retired_at is not null or state <> 'retired'),
  gone_at timestamptz check (gone_at is not null or state <> 'gone'),
  revoked boolean not null default false,
  longest_ttl_seconds double precision not null check (longest_ttl_seconds between 1 and 86400),
  -- The private JWK under a key of its own, and that key under the named one of KEY_ENCRYPTION_KEYS. Destroyed with the
  -- last step of the key's life.
  wrapped_under text,
  wrapped_key text,
  ciphertext text,
  constraint signing_keys_sealed check (num_nulls(wrapped_under, wrapped_key, ciphertext) = case state when 'gone' then 3 else 0 end)
);
-- Whatever else fails, one key signs.
create unique index signing_keys_one_active_idx on rowpass.signing_keys ((true)) where state = 'active';

-- How many tokens were signed, by key and by the minute in which they have expired.
create table rowpass.signing_key_uses (
  kid text not null references rowpass.signing_keys on delete cascade,
  expires_at timestamptz not null,
  tokens bigint not null,
  primary key (kid, expires_at)
);

revoke all on rowpass.key_ring, rowpass.signing_keys, rowpass.signing_key_uses from public;

-- Notes what an instance signed since it last asked, and answers with the ring as it is afterwards.
-- uses: [{kid, expires_minute, tokens, longest_ttl_seconds}]; without a kid, the key that signs is meant. What names a key
-- that does not sign, or a time that cannot be, is left out.
create function rowpass.exchange_signing_keys(uses jsonb) returns jsonb
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
as $$
declare
  noted record;
begin
  for noted in
    select k.kid, to_timestamp(u.expires_minute * 60) as expires_at, sum(u.tokens) as tokens,
           max(u.longest_ttl_seconds) as ttl
      from jsonb_to_recordset(uses)
           as u (kid text, expires_minute bigint, tokens bigint, longest_ttl_seconds double precision)
      join rowpass.signing_keys k on k.kid = u.kid or u.kid is null and k.state = 'active'
     where k.state in ('active', 'retired')
       and u.expires_minute between extract(epoch from now()) / 60 and extract(epoch from now()) / 60 + 1442
       and u.tokens between 0 and 1000000000 and u.longest_ttl_seconds between 1 and 86400
     group by 1, 2
     order by 1, 2  -- one order, so that two instances never wait for each other in a circle
     limit 128
  loop
    update rowpass.signing_keys k set longest_ttl_seconds = noted.ttl
     where k.kid = noted.kid and k.state in ('active', 'retired') and k.longest_ttl_seconds < noted.ttl;
    if noted.tokens > 0 then
      insert into rowpass.signing_key_uses as s values (noted.kid, noted.expires_at, noted.tokens)
        on conflict (kid, expires_at) do update set tokens = s.tokens + excluded.tokens;
    end if;
  end loop;
  delete from rowpass.signing_key_uses where (kid, expires_at) in (
    select s.kid, s.expires_at from rowpass.signing_key_uses s where s.expires_at < now() limit 128 for update skip locked
  );

  return (
    select jsonb_build_object(
      'timing', jsonb_build_object('jwksMaxAgeSeconds', r.jwks_max_age_seconds, 'lagSeconds', r.lag_seconds,
                                   'skewSeconds', r.skew_seconds, 'ttlSeconds', r.ttl_seconds),
      'published', coalesce((select jsonb_agg(k.public_jwk order by k.added_at, k.kid)
                               from rowpass.signing_keys k where k.state <> 'gone'), '[]'),
      'active', (select jsonb_build_object('kid', k.kid, 'longestTtlSeconds', k.longest_ttl_seconds)
                   from rowpass.signing_keys k where k.state = 'active'))
      from rowpass.key_ring r
  );
end
$$;

-- The private half of the key that signs, encrypted; NULL for any other.
create function rowpass.sealed_signing_key(kid text) returns jsonb
  language sql stable security definer
  set search_path = pg_catalog, pg_temp
as $$
  select jsonb_build_object('alg', k.public_jwk->>'alg', 'wrappedUnder', k.wrapped_under, 'wrappedKey', k.wrapped_key,
                            'ciphertext', k.ciphertext)
    from rowpass.signing_keys k where k.kid = sealed_signing_key.kid and k.state in ('active', 'retired')
$$;

revoke all on function rowpass.exchange_signing_keys(jsonb), rowpass.sealed_signing_key(text) from public;
grant execute on function rowpass.exchange_signing_keys(jsonb), rowpass.sealed_signing_key(text) to rowpass_issuer;
-- file: 0005_issuer.sql
-- What the issuer keeps: clients, accounts, sessions, and single-use tokens, each secret as a hash. Only the owner can
-- read or write these tables; `rowpass_issuer` calls the functions of the files that follow.

create schema issuer;
revoke all on schema issuer from public;
grant usage on schema issuer to rowpass_issuer;

-- Sessions (claim `sid`) that have been ended while tokens of theirs are still good. A row may go when the last of these
-- tokens has expired.
create table rowpass.revoked_sessions (
  sid uuid primary key,
  expires_at timestamptz not null
);
create index revoked_sessions_expires_at_idx on rowpass.revoked_sessions (expires_at);
revoke all on rowpass.revoked_sessions from public;

-- Applications and services that may ask for tokens.
create table issuer.clients (
  client_id text primary key check (client_id ~ '^[A-Za-z0-9._-]{1,64}$'),
  -- SHA-256 of 256 random bits; NULL for a public client, which keeps no secret.
  secret_hash bytea check (octet_length(secret_hash) = 32),
  grant_types text[] not null,
  scopes text[] not null,
  -- What a service (client_credentials) is: its tenant and its role there.
  tenant_id uuid,
  role text,
  -- The session of the tokens that a service gets for itself; changed to end them.
  sid uuid not null default gen_random_uuid(),
  token_expires_at timestamptz not null default now(),
  created_at timestamptz not null default now(),
  constraint clients_service_has_secret check (secret_hash is not null or not grant_types @> '{client_credentials}'),
  constraint clients_role_in_tenant check (role is null or tenant_id is not null)
);

-- People who can sign in with a password. The rest of a person is in the tables of the application.
create table issuer.accounts (
  user_id uuid primary key,
  email text not null unique,
  -- In the PHC string format, parameters and salt included.
  password_hash text not null,
  -- Counts changes of the password, so that a sign-in which was checked against an older one is not finished.
  version integer not null default 1,
  changed_at timestamptz not null default now()
);

-- One sign-in: a family of refresh tokens and of access tokens with its `sid`. A row is there as long as it is alive.
create table issuer.sessions (
  sid uuid primary key,
  user_id uuid not null,
  client_id text not null references issuer.clients on delete cascade,
  scope text not null,
  created_at timestamptz not null default now(),
  -- Moves with each refresh, up to `ends_at`.
  expires_at timestamptz not null,
  ends_at timestamptz not null,
  -- When the last access token of the session expires.
  token_expires_at timestamptz not null,
  -- How many refresh tokens there were; bounded, because all of them are kept.
  generation integer not null default 1
);
create index sessions_user_id_idx on issuer.sessions (user_id, created_at);
create index sessions_client_id_idx on issuer.sessions (client_id);
create index sessions_expires_at_idx on issuer.sessions (expires_at);

-- Every refresh token of a session that is alive: a used one that comes again is a stolen one.
create table issuer.refresh_tokens (
  hash bytea primary key check (octet_length(hash) = 32),
  sid uuid not null references issuer.sessions on delete cascade,
  used_at timestamptz
);
create index refresh_tokens_sid_idx on issuer.refresh_tokens (sid);

-- Single-use tokens that prove control of an e-mail address: whoever has one may set the password of its account.
create table issuer.invites (
  hash bytea primary key check (octet_length(hash) = 32),
  email text not null unique,
  -- The person, or NULL for somebody who signs up, who gets a tenant and a row then.
  user_id uuid,
  name text,
  tenant_name text,
  expires_at timestamptz not null,
  constraint invites_whom check ((user_id is null) = (name is not null and tenant_name is not null))
);
create index invites_expires_at_idx on issuer.invites (expires_at);

-- Failed attempts by bucket: a hash of an account, an address, or both. Not logged: a crash forgives everybody.
create unlogged table issuer.attempts (
  bucket bytea primary key check (octet_length(bucket) = 32),
  failures integer not null,
  -- When counting begins anew.
  expires_at timestamptz not null,
  blocked_until timestamptz not null default '-infinity'
);
create index attempts_expires_at_idx on issuer.attempts (expires_at);

revoke all on all tables in schema issuer from public;
-- file: 0006_revocation.sql
-- Ends sessions at once, and makes reading the session cheaper. `npm run bench:session` measures what each form costs.

-- The check of the seal, and the claims as the text that was sealed; NULL when there is no identity.
-- Two settings carry it: rowpass.claims is the JSON, rowpass.seal reads x<mac>;:<key name>:<good until>:<session>: where
-- the session is the claim `sid` as uuid, or empty. The MAC covers <role>:<key name>:<good until>:<session>:<claims>. Any
-- role may write both settings, so nothing in them is believed before the MAC is checked.
-- Once in a transaction PostgreSQL prepares each expression of a function anew, and checks the right to every function
-- and operator in it: that is the cost of this one, and why the way to success has as few of them as it can.
create function rowpass.claims() returns text
  language plpgsql stable parallel safe security definer
  set search_path = pg_catalog, pg_temp
as $$
declare
  seal constant text := current_setting('rowpass.seal', true);
  claims constant text := current_setting('rowpass.claims', true);
  inner_key bytea;
  outer_key bytea;
begin
  select inner_pad, outer_pad into inner_key, outer_key from rowpass.seal_keys where name = split_part(seal, ':', 2);

  -- The MACs are compared by counting the bits that differ: a comparison that stops at the first difference would tell
  -- a caller who can try many seals how much of one is right.
  -- The role is part of what was sealed, so SET ROLE cannot carry the claims to another.
  -- A seal is good for a minute longer than its token, for clocks that differ. Copied out of a session it is worth
  -- nothing after that.
  if found
     and bit_count(split_part(seal, ';', 1)::bit(256) # ('x' || encode(sha256(outer_key || sha256(inner_key || convert_to(
           current_setting('role') || split_part(seal, ';', 2) || claims, 'UTF8'))), 'hex'))::bit(256)) = 0
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
            hint = 'Only the gateway can seal a session; its keys are installed by "rowpass db migrate".';
  end if;
  return null;
end
$$;
revoke all on function rowpass.claims() from public;
grant execute on function rowpass.claims() to authenticated, anonymous;

-- One expression, which PostgreSQL puts in the place of the call.
create or replace function rowpass.session() returns jsonb
  language sql stable parallel safe security invoker
  return rowpass.claims()::jsonb;

-- What the gateway writes for a claim `sid`: the uuid that it is, or else one made of its SHA-256.
create function rowpass.session_id(sid text) returns uuid
  language sql immutable strict parallel safe
  return coalesce(
    substring(sid from '^[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$'),
    left(encode(sha256(convert_to(sid, 'UTF8')), 'hex'), 32))::uuid;
revoke all on function rowpass.session_id(text) from public;

-- Ends a session, of whatever issuer: from the next statement on, tokens with this `sid` are refused wherever the row
-- is. `until` is when the last of these tokens has expired; the row may go two minutes later.
create function rowpass.end_session(sid text, until timestamptz default now() + interval '1 day') returns void
  language sql volatile
  set search_path = pg_catalog, pg_temp
as $$
  insert into rowpass.revoked_sessions (sid, expires_at)
  values (rowpass.session_id(sid), until + interval '2 minutes')
  on conflict on constraint revoked_sessions_pkey do update
    set expires_at = greatest(revoked_sessions.expires_at, excluded.expires_at)
$$;
revoke all on function rowpass.end_session(text, timestamptz) from public;

-- Whoever ends a session clears away up to a hundred rows that have no effect any more.
create function rowpass.prune_revoked_sessions() returns trigger
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
create trigger prune after insert on rowpass.revoked_sessions
  for each statement execute function rowpass.prune_revoked_sessions();
-- file: 0007_seeds.sql
-- Seed files that have run here, by their content: `rowpass dev` runs one again only after it was changed, so rows that
-- were deleted since do not come back.
create table rowpass.seeds (
  sha256 text primary key check (sha256 ~ '^[0-9a-f]{64}$'),
  applied_at timestamptz not null default now()
);
revoke all on rowpass.seeds from public;
-- file: 0008_issuer_functions.sql
-- What the issuer may do with its tables, one function for each step. They run as the owner; `rowpass_issuer` may call
-- them and nothing else of this schema. No function lists anything: to find a row its key has to be known.

-- Until when an account+address counts as known: somebody has signed in from there.
alter table issuer.attempts add column known_until timestamptz not null default '-infinity';

-- Clients ---------------------------------------------------------------------------------------------------------

create function issuer.find_client(client text)
  returns table (secret_hash bytea, grant_types text[], scopes text[], tenant_id uuid, role text)
  language sql stable security definer
  set search_path = pg_catalog, pg_temp
as $$
  select c.secret_hash, c.grant_types, c.scopes, c.tenant_id, c.role from issuer.clients c where c.client_id = client
$$;

-- The session of a service, for one more token.
create function issuer.extend_service(client text, ttl_seconds integer) returns uuid
  language sql volatile security definer
  set search_path = pg_catalog, pg_temp
as $$
  update issuer.clients set token_expires_at = greatest(token_expires_at, now() + make_interval(secs => ttl_seconds))
   where client_id = client
  returning sid
$$;

-- Ends the tokens that a service has so far, and gives it a new session.
create function issuer.end_service(client text) returns void
  language sql volatile security definer
  set search_path = pg_catalog, pg_temp
as $$
  insert into rowpass.revoked_sessions (sid, expires_at)
  select sid, token_expires_at + interval '2 minutes' from issuer.clients where client_id = client
  on conflict do nothing;
  update issuer.clients set sid = gen_random_uuid() where client_id = client;
$$;

-- Attempts --------------------------------------------------------------------------------------------------------

-- Counts one attempt as a failure. After `free` of them the next one waits five seconds, then twice as long each time, up
-- to `longest`.
create function issuer.count_failure(key bytea, free integer, longest interval) returns void
  language sql volatile
  set search_path = pg_catalog, pg_temp
as $$
  insert into issuer.attempts as a (bucket, failures, expires_at) values (key, 1, now() + interval '1 day')
  on conflict (bucket) do update set
    failures = case when a.expires_at <= now() then 1 else a.failures + 1 end,
    expires_at = excluded.expires_at,
    blocked_until = case
      when a.expires_at > now() and a.failures + 1 >= free
      then clock_timestamp() + least(longest, interval '5 seconds' * 2 ^ least(a.failures + 1 - free, 20))
      else '-infinity' end
$$;

-- Admits an attempt, which is a failure until `forgive` says otherwise, or says how many seconds to wait. A refused one
-- is not counted, so that nobody is kept out by trying. Buckets are hashes; `pair` is account and address together.
-- The limit of the account alone is there against many addresses. Nobody can keep its owner out with it: it asks for a
-- minute at most, and not at all where the owner has signed in before.
create function issuer.admit(account bytea, pair bytea, address bytea) returns integer
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
as $$
declare
  known boolean := false;
  blocked timestamptz;
begin
  if pair is not null then
    -- The row is locked, so that attempts at the same moment are looked at one after the other.
    insert into issuer.attempts (bucket, failures, expires_at) values (pair, 0, now() + interval '1 day')
      on conflict do nothing;
    select known_until > now() into known from issuer.attempts where bucket = pair for update;
  end if;
  select max(blocked_until) into blocked from issuer.attempts
   where blocked_until > clock_timestamp() and (bucket in (pair, address) or bucket = account and not coalesce(known, false));
  if blocked is not null then
    return ceil(extract(epoch from blocked - clock_timestamp()));
  end if;
  if pair is not null then
    perform issuer.count_failure(pair, 5, interval '15 minutes');
  end if;
  if account is not null then
    perform issuer.count_failure(account, 50, interval '1 minute');
  end if;
  if address is not null then
    perform issuer.count_failure(address, 100, interval '15 minutes');
  end if;
  if random() < 0.01 then
    perform issuer.prune();
  end if;
  return 0;
end
$$;

-- The attempt was a success. The address keeps what it has failed elsewhere, but for this one.
create function issuer.forgive(account bytea, pair bytea, address bytea) returns void
  language sql volatile security definer
  set search_path = pg_catalog, pg_temp
as $$
  update issuer.attempts set failures = 0, blocked_until = '-infinity', known_until = now() + interval '30 days',
    expires_at = now() + interval '30 days'
   where bucket = pair;
  update issuer.attempts set failures = greatest(failures - 1, 0) where bucket in (account, address);
$$;

-- Deletes what has no effect any more, a bounded number of rows.
create function issuer.prune() returns void
  language sql volatile security definer
  set search_path = pg_catalog, pg_temp
as $$
  delete from issuer.attempts where bucket in (
    select bucket from issuer.attempts where expires_at < now() limit 1000 for update skip locked);
  delete from issuer.sessions where sid in (
    select sid from issuer.sessions where expires_at < now() limit 1000 for update skip locked);
  delete from issuer.invites where hash in (
    select hash from issuer.invites where expires_at < now() limit 1000 for update skip locked);
  delete from rowpass.revoked_sessions where sid in (
    select sid from rowpass.revoked_sessions where expires_at < now() limit 1000 for update skip locked);
$$;

-- Accounts --------------------------------------------------------------------------------------------------------

create function issuer.account_of(address text) returns uuid
  language sql stable security definer
  set search_path = pg_catalog, pg_temp
as $$
  select user_id from issuer.accounts where email = address
$$;

-- The hash to check a password against, by the person.
create function issuer.credential_of(person uuid) returns table (password_hash text, version integer, email text)
  language sql stable security definer
  set search_path = pg_catalog, pg_temp
as $$
  select a.password_hash, a.version, a.email from issuer.accounts a where a.user_id = person
$$;

-- Sets a password and ends every session of the person but one. The address becomes theirs: whoever calls this has
-- seen that they control it. With `expected`, only where the password was not changed meanwhile.
create function issuer.set_password(person uuid, address text, hash text, expected integer, keep uuid) returns boolean
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
as $$
begin
  if expected is null then
    delete from issuer.accounts where email = address and user_id <> person;
    insert into issuer.accounts as a (user_id, email, password_hash) values (person, address, hash)
      on conflict (user_id) do update set
        email = excluded.email, password_hash = excluded.password_hash, version = a.version + 1, changed_at = now();
  else
    update issuer.accounts set password_hash = hash, version = version + 1, changed_at = now()
     where user_id = person and version = expected;
    if not found then
      return false;
    end if;
  end if;
  perform issuer.end_sessions(person, keep);
  return true;
end
$$;

-- The same password, hashed with newer parameters.
create function issuer.replace_hash(person uuid, expected integer, hash text) returns void
  language sql volatile security definer
  set search_path = pg_catalog, pg_temp
as $$
  update issuer.accounts set password_hash = hash where user_id = person and version = expected
$$;

-- Sessions --------------------------------------------------------------------------------------------------------

-- Begins a session, unless the password was changed since it was checked. At most 100 a person: the oldest ends.
create function issuer.open_session(
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
create function issuer.find_session(session uuid)
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
create function issuer.find_refresh(token_hash bytea)
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
create function issuer.rotate_refresh(
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
create function issuer.extend_session(session uuid, person uuid, client text, ttl_seconds integer) returns boolean
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
create function issuer.end_session(session uuid) returns boolean
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
  insert into rowpass.revoked_sessions (sid, expires_at) values (session, until + interval '2 minutes')
    on conflict do nothing;
  return true;
end
$$;

create function issuer.end_sessions(person uuid, keep uuid) returns integer
  language sql volatile security definer
  set search_path = pg_catalog, pg_temp
as $$
  select count(issuer.end_session(sid))::integer from issuer.sessions
   where user_id = person and sid is distinct from keep
$$;

-- Invites ---------------------------------------------------------------------------------------------------------

-- One at a time for an address: the last one holds.
create function issuer.invite(
  token_hash bytea, address text, person uuid, new_name text, new_tenant text, ttl_seconds integer
) returns void
  language sql volatile security definer
  set search_path = pg_catalog, pg_temp
as $$
  insert into issuer.invites (hash, email, user_id, name, tenant_name, expires_at)
  values (token_hash, address, person, new_name, new_tenant, now() + make_interval(secs => ttl_seconds))
  on conflict (email) do update set hash = excluded.hash, user_id = excluded.user_id, name = excluded.name,
    tenant_name = excluded.tenant_name, expires_at = excluded.expires_at
$$;

-- Takes an invite, once.
create function issuer.take_invite(token_hash bytea)
  returns table (email text, user_id uuid, name text, tenant_name text)
  language sql volatile security definer
  set search_path = pg_catalog, pg_temp
as $$
  delete from issuer.invites i where i.hash = token_hash and i.expires_at > now()
  returning i.email, i.user_id, i.name, i.tenant_name
$$;

revoke all on all functions in schema issuer from public;
grant execute on all functions in schema issuer to rowpass_issuer;
revoke execute on function issuer.count_failure(bytea, integer, interval) from rowpass_issuer;
-- file: 0009_auth_subject.sql
-- unless-extension: pg_session_jwt
-- The subject, as one expression each, which PostgreSQL puts in the place of the call; read from `json`, which costs a
-- third of making a `jsonb` of all claims.

create or replace function auth.user_id() returns text
  language sql stable parallel safe
  return rowpass.claims()::json ->> 'sub';

-- NULL when the subject is no uuid, so that a policy denies instead of failing.
create or replace function auth.uid() returns uuid
  language sql stable parallel safe
  return substring(rowpass.claims()::json ->> 'sub'
    from '^[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$')::uuid;
-- file: 0010_seal_role.sql
-- A seal ends the name of its role. From here on gateways of before are refused, and gateways of now before.

-- The check of the seal, and the claims as the text that was sealed; NULL when there is no identity.
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
            hint = 'Only the gateway can seal a session; its keys are installed by "rowpass db migrate".';
  end if;
  return null;
end
$$;
-- file: 0011_issuer_repairs.sql
-- What came out of a reading of the issuer's functions. None of them changes its arguments or its result.

-- A service is the subject of its own tokens, and people are by their id: nobody may be both.
alter table issuer.clients add constraint clients_not_a_person
  check (client_id !~ '^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$');

-- One invite at a time for an address and whom it is for. A sign-up, which anybody may begin for any address, does not
-- take the place of what an admin has sent.
alter table issuer.invites drop constraint invites_email_key;
alter table issuer.invites add constraint invites_one unique nulls not distinct (email, user_id);

create or replace function issuer.invite(
  token_hash bytea, address text, person uuid, new_name text, new_tenant text, ttl_seconds integer
) returns void
  language sql volatile security definer
  set search_path = pg_catalog, pg_temp
as $$
  insert into issuer.invites (hash, email, user_id, name, tenant_name, expires_at)
  values (token_hash, address, person, new_name, new_tenant, now() + make_interval(secs => ttl_seconds))
  on conflict on constraint invites_one do update set hash = excluded.hash, name = excluded.name,
    tenant_name = excluded.tenant_name, expires_at = excluded.expires_at
$$;

-- Takes an invite, once. The others of its address go with it: each would move the address to somebody else.
create or replace function issuer.take_invite(token_hash bytea)
  returns table (email text, user_id uuid, name text, tenant_name text)
  language sql volatile security definer
  set search_path = pg_catalog, pg_temp
as $$
  with gone as (
    delete from issuer.invites i
     where i.email = (select t.email from issuer.invites t where t.hash = token_hash and t.expires_at > now())
    returning i.*
  )
  select g.email, g.user_id, g.name, g.tenant_name from gone g where g.hash = token_hash
$$;

-- As before, and where the address was somebody else's, their sessions end with their account.
create or replace function issuer.set_password(person uuid, address text, hash text, expected integer, keep uuid)
  returns boolean
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
as $$
declare
  former uuid;
begin
  if expected is null then
    delete from issuer.accounts where email = address and user_id <> person returning user_id into former;
    perform issuer.end_sessions(former, null);
    insert into issuer.accounts as a (user_id, email, password_hash) values (person, address, hash)
      on conflict (user_id) do update set
        email = excluded.email, password_hash = excluded.password_hash, version = a.version + 1, changed_at = now();
  else
    update issuer.accounts set password_hash = hash, version = version + 1, changed_at = now()
     where user_id = person and version = expected;
    if not found then
      return false;
    end if;
  end if;
  perform issuer.end_sessions(person, keep);
  return true;
end
$$;

-- As before, but for an address from which somebody has signed in: that is remembered for as long as it counts.
create or replace function issuer.prune() returns void
  language sql volatile security definer
  set search_path = pg_catalog, pg_temp
as $$
  delete from issuer.attempts where bucket in (
    select bucket from issuer.attempts where expires_at < now() and known_until < now() limit 1000 for update skip locked);
  delete from issuer.sessions where sid in (
    select sid from issuer.sessions where expires_at < now() limit 1000 for update skip locked);
  delete from issuer.invites where hash in (
    select hash from issuer.invites where expires_at < now() limit 1000 for update skip locked);
  delete from rowpass.revoked_sessions where sid in (
    select sid from rowpass.revoked_sessions where expires_at < now() limit 1000 for update skip locked);
$$;
-- file: 0012_issuer_attempts.sql
-- The issuer's functions under requests at the same moment. Arguments and results are as before, but for a default.

-- Until when an attempt has to wait: by its account and address, by its address, or by its account alone, which does not
-- hold for a place from where somebody has signed in.
create function issuer.blocked_until(account bytea, pair bytea, address bytea) returns timestamptz
  language sql volatile
  set search_path = pg_catalog, pg_temp
as $$
  select max(a.blocked_until) from issuer.attempts a
   where a.blocked_until > clock_timestamp()
     and (a.bucket in (pair, address)
       or a.bucket = account and not exists (select from issuer.attempts p where p.bucket = pair and p.known_until > now()))
$$;
revoke all on function issuer.blocked_until(bytea, bytea, bytea) from public;

-- As before, but attempts at the same moment on one account, or from one address, are looked at one after the other like
-- those of both; and whoever has to wait leaves no row behind.
create or replace function issuer.admit(account bytea, pair bytea, address bytea) returns integer
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
as $$
declare
  blocked timestamptz := issuer.blocked_until(account, pair, address);
  key bytea;
begin
  if blocked is null then
    -- In one order everywhere, so that no two wait for each other.
    foreach key in array array[pair, account, address] loop
      if key is not null then
        insert into issuer.attempts (bucket, failures, expires_at) values (key, 0, now() + interval '1 day')
          on conflict do nothing;
        perform from issuer.attempts where bucket = key for update;
      end if;
    end loop;
    blocked := issuer.blocked_until(account, pair, address);
  end if;
  if blocked is not null then
    return ceil(extract(epoch from blocked - clock_timestamp()));
  end if;
  if pair is not null then
    perform issuer.count_failure(pair, 5, interval '15 minutes');
  end if;
  if account is not null then
    perform issuer.count_failure(account, 50, interval '1 minute');
  end if;
  if address is not null then
    perform issuer.count_failure(address, 100, interval '15 minutes');
  end if;
  if random() < 0.01 then
    perform issuer.prune();
  end if;
  return 0;
end
$$;

-- As before, in the order of `admit`.
create or replace function issuer.forgive(account bytea, pair bytea, address bytea) returns void
  language sql volatile security definer
  set search_path = pg_catalog, pg_temp
as $$
  update issuer.attempts set failures = 0, blocked_until = '-infinity', known_until = now() + interval '30 days',
    expires_at = now() + interval '30 days'
   where bucket = pair;
  update issuer.attempts set failures = greatest(failures - 1, 0) where bucket = account;
  update issuer.attempts set failures = greatest(failures - 1, 0) where bucket = address;
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
-- file: 0013_end_session.sql
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
-- file: 0014_claim_casts.sql
-- Casts of a claim that give NULL for what is not of the type, in its usual form, so that a policy denies instead of
-- failing. No regular expression where it can be helped: PostgreSQL builds the automaton of one again in each statement,
-- which costs ten times what the cast does. In plpgsql, as PostgreSQL up to 17 plans an SQL function again in each
-- statement, which costs as much.
create function rowpass.to_uuid(value text) returns uuid
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
create function rowpass.to_bigint(value text) returns bigint
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
-- file: 0015_claim_functions.sql
-- needs-create-in: auth
create or replace function auth.claim_uuid(name text) returns uuid
  language sql stable parallel safe
  return rowpass.to_uuid(auth.session() ->> name);

create or replace function auth.claim_int(name text) returns bigint
  language sql stable parallel safe
  return rowpass.to_bigint(auth.session() ->> name);
-- file: 0016_auth_uid.sql
-- unless-extension: pg_session_jwt
create or replace function auth.uid() returns uuid
  language sql stable parallel safe
  return rowpass.to_uuid(rowpass.claims()::json ->> 'sub');
-- file: 0017_forget_person.sql
-- What the issuer keeps of somebody goes with them: the account, invites for it, and every session, whose tokens are
-- refused from the next statement on. Returns how many sessions ended. Whoever may delete the row of the person decides.
create function issuer.forget_person(person uuid) returns integer
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
as $$
begin
  -- First, as a sign-in that is under way holds the account: it is over then, or finds none.
  delete from issuer.accounts where user_id = person;
  delete from issuer.invites where user_id = person;
  return issuer.end_sessions(person);
end
$$;
revoke all on function issuer.forget_person(uuid) from public;
grant execute on function issuer.forget_person(uuid) to rowpass_issuer;
-- file: 0018_refuse_ended_session.sql
-- Refuses a request whose session was ended, whether or not its statements ask who their caller is: the gateway calls it
-- in the envelope of each token that names a session.
--
-- It runs before the role is taken, as a login that has no rights, and for roles of which nothing is known. So PUBLIC may
-- call it. It takes no argument and tells nothing but whether the session in the caller's own seal was ended.
-- Does NOT check the seal: that is rowpass.claims(), which refuses ended sessions too, as a statement may come otherwise.
create function rowpass.refuse_ended_session() returns boolean
  language plpgsql stable parallel safe security definer
  set search_path = pg_catalog, pg_temp
as $$
begin
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
-- Every other function in it was taken from PUBLIC when it was made, and PUBLIC has no right to a table.
grant usage on schema rowpass to public;
-- file: 0019_hardening.sql
-- What `rowpass db migrate` and `rowpass db harden` have changed outside of these schemas, for `rowpass db harden --undo`.

create table rowpass.hardening (
  id bigint generated always as identity primary key,
  step text not null,
  change jsonb not null,
  made_at timestamptz not null default now()
);
revoke all on rowpass.hardening from public;
