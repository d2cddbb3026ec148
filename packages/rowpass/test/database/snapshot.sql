-- What "rowpass db migrate" and "rowpass db harden" install, by revision 27 of the SQL, whose SHA-256 is
-- a977c4d1812eb6e8c7639fa3e65e8111766724c83cdaf78c1b4a107d5818db3d
-- "npm run sql:snapshot" writes this file. Rights are those of others than the owner.

create schema auth;
grant usage on schema auth to anonymous;
grant usage on schema auth to authenticated;

create schema issuer;
grant usage on schema issuer to rowpass_issuer;

create schema rowpass;
grant usage on schema rowpass to anonymous;
grant usage on schema rowpass to authenticated;
grant usage on schema rowpass to public;
grant usage on schema rowpass to rowpass_issuer;

create schema rowpass_ddl;
grant usage on schema rowpass_ddl to public;

create table issuer.accounts (
  user_id uuid not null,
  email text not null,
  password_hash text not null,
  version integer not null default 1,
  changed_at timestamp with time zone not null default now(),
  constraint accounts_email_key UNIQUE (email),
  constraint accounts_pkey PRIMARY KEY (user_id)
);

create unlogged table issuer.attempts (
  bucket bytea not null,
  failures integer not null,
  expires_at timestamp with time zone not null,
  blocked_until timestamp with time zone not null default '-infinity'::timestamp with time zone,
  known_until timestamp with time zone not null default '-infinity'::timestamp with time zone,
  constraint attempts_bucket_check CHECK ((octet_length(bucket) = 32)),
  constraint attempts_pkey PRIMARY KEY (bucket)
);
CREATE INDEX attempts_expires_at_idx ON issuer.attempts USING btree (expires_at);

create table issuer.clients (
  client_id text not null,
  secret_hash bytea,
  grant_types text[] not null,
  scopes text[] not null,
  tenant_id uuid,
  role text,
  sid uuid not null default gen_random_uuid(),
  token_expires_at timestamp with time zone not null default now(),
  created_at timestamp with time zone not null default now(),
  constraint clients_client_id_check CHECK ((client_id ~ '^[A-Za-z0-9._-]{1,64}$'::text)),
  constraint clients_not_a_person CHECK ((client_id !~ '^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$'::text)),
  constraint clients_pkey PRIMARY KEY (client_id),
  constraint clients_role_in_tenant CHECK (((role IS NULL) OR (tenant_id IS NOT NULL))),
  constraint clients_secret_hash_check CHECK ((octet_length(secret_hash) = 32)),
  constraint clients_service_has_secret CHECK (((secret_hash IS NOT NULL) OR (NOT (grant_types @> '{client_credentials}'::text[]))))
);

create table issuer.invites (
  hash bytea not null,
  email text not null,
  user_id uuid,
  name text,
  tenant_name text,
  expires_at timestamp with time zone not null,
  constraint invites_hash_check CHECK ((octet_length(hash) = 32)),
  constraint invites_one UNIQUE NULLS NOT DISTINCT (email, user_id),
  constraint invites_pkey PRIMARY KEY (hash),
  constraint invites_whom CHECK (((user_id IS NULL) = ((name IS NOT NULL) AND (tenant_name IS NOT NULL))))
);
CREATE INDEX invites_expires_at_idx ON issuer.invites USING btree (expires_at);

create table issuer.refresh_tokens (
  hash bytea not null,
  sid uuid not null,
  used_at timestamp with time zone,
  constraint refresh_tokens_hash_check CHECK ((octet_length(hash) = 32)),
  constraint refresh_tokens_pkey PRIMARY KEY (hash),
  constraint refresh_tokens_sid_fkey FOREIGN KEY (sid) REFERENCES issuer.sessions(sid) ON DELETE CASCADE
);
CREATE INDEX refresh_tokens_sid_idx ON issuer.refresh_tokens USING btree (sid);

create table issuer.sessions (
  sid uuid not null,
  user_id uuid not null,
  client_id text not null,
  scope text not null,
  created_at timestamp with time zone not null default now(),
  expires_at timestamp with time zone not null,
  ends_at timestamp with time zone not null,
  token_expires_at timestamp with time zone not null,
  generation integer not null default 1,
  constraint sessions_client_id_fkey FOREIGN KEY (client_id) REFERENCES issuer.clients(client_id) ON DELETE CASCADE,
  constraint sessions_pkey PRIMARY KEY (sid)
);
CREATE INDEX sessions_client_id_idx ON issuer.sessions USING btree (client_id);
CREATE INDEX sessions_expires_at_idx ON issuer.sessions USING btree (expires_at);
CREATE INDEX sessions_user_id_idx ON issuer.sessions USING btree (user_id, created_at);

create unlogged table rowpass.admitted_sessions (
  sid uuid not null,
  good_until timestamp with time zone not null,
  constraint admitted_sessions_pkey PRIMARY KEY (sid)
);
CREATE INDEX admitted_sessions_good_until_idx ON rowpass.admitted_sessions USING btree (good_until);

create table rowpass.hardening (
  id bigint not null generated always as identity,
  step text not null,
  change jsonb not null,
  made_at timestamp with time zone not null default now(),
  constraint hardening_pkey PRIMARY KEY (id)
);

create unlogged table rowpass.identities (
  ticket_hash bytea not null,
  role text not null,
  good_until timestamp with time zone not null,
  key_name text not null,
  sid uuid,
  session jsonb not null,
  uid uuid,
  person bytea not null,
  constraint identities_key_name_fkey FOREIGN KEY (key_name) REFERENCES rowpass.seal_keys(name) ON DELETE CASCADE,
  constraint identities_person_check CHECK ((octet_length(person) = 32)),
  constraint identities_pkey PRIMARY KEY (ticket_hash),
  constraint identities_ticket_hash_check CHECK ((octet_length(ticket_hash) = 32))
);
CREATE INDEX identities_good_until_idx ON rowpass.identities USING btree (good_until);
CREATE INDEX identities_person_idx ON rowpass.identities USING btree (person, good_until);
CREATE INDEX identities_sid_idx ON rowpass.identities USING btree (sid) WHERE (sid IS NOT NULL);

create table rowpass.key_ring (
  one boolean not null default true,
  jwks_max_age_seconds integer not null,
  lag_seconds double precision not null,
  skew_seconds double precision not null,
  ttl_seconds double precision not null,
  constraint key_ring_jwks_max_age_seconds_check CHECK (((jwks_max_age_seconds >= 0) AND (jwks_max_age_seconds <= 86400))),
  constraint key_ring_lag_seconds_check CHECK (((lag_seconds >= (0)::double precision) AND (lag_seconds <= (86400)::double precision))),
  constraint key_ring_one_check CHECK (one),
  constraint key_ring_pkey PRIMARY KEY (one),
  constraint key_ring_skew_seconds_check CHECK (((skew_seconds >= (0)::double precision) AND (skew_seconds <= (86400)::double precision))),
  constraint key_ring_ttl_seconds_check CHECK (((ttl_seconds >= (1)::double precision) AND (ttl_seconds <= (86400)::double precision)))
);

create table rowpass.migrations (
  name text not null,
  sha256 text not null,
  applied_at timestamp with time zone not null default now(),
  constraint migrations_pkey PRIMARY KEY (name)
);

create table rowpass.revoked_sessions (
  sid uuid not null,
  expires_at timestamp with time zone not null,
  constraint revoked_sessions_pkey PRIMARY KEY (sid)
);
CREATE INDEX revoked_sessions_expires_at_idx ON rowpass.revoked_sessions USING btree (expires_at);
CREATE TRIGGER end_at_issuer BEFORE INSERT ON rowpass.revoked_sessions FOR EACH ROW EXECUTE FUNCTION issuer.end_with_sid();
CREATE TRIGGER forget_identities AFTER INSERT OR UPDATE ON rowpass.revoked_sessions FOR EACH ROW EXECUTE FUNCTION rowpass.forget_session();
CREATE TRIGGER prune AFTER INSERT ON rowpass.revoked_sessions FOR EACH STATEMENT EXECUTE FUNCTION rowpass.prune_revoked_sessions();

create table rowpass.seal_keys (
  name text not null,
  inner_pad bytea not null,
  outer_pad bytea not null,
  created_at timestamp with time zone not null default now(),
  constraint seal_keys_inner_pad_check CHECK ((octet_length(inner_pad) = 64)),
  constraint seal_keys_name_check CHECK ((name ~ '^[a-z0-9_-]{1,32}$'::text)),
  constraint seal_keys_outer_pad_check CHECK ((octet_length(outer_pad) = 64)),
  constraint seal_keys_pkey PRIMARY KEY (name)
);
CREATE TRIGGER refuse_other_pads BEFORE UPDATE OF name, inner_pad, outer_pad ON rowpass.seal_keys FOR EACH ROW EXECUTE FUNCTION rowpass.refuse_other_pads();

create table rowpass.seeds (
  sha256 text not null,
  applied_at timestamp with time zone not null default now(),
  constraint seeds_pkey PRIMARY KEY (sha256),
  constraint seeds_sha256_check CHECK ((sha256 ~ '^[0-9a-f]{64}$'::text))
);

create table rowpass.signing_key_uses (
  kid text not null,
  expires_at timestamp with time zone not null,
  tokens bigint not null,
  constraint signing_key_uses_kid_fkey FOREIGN KEY (kid) REFERENCES rowpass.signing_keys(kid) ON DELETE CASCADE,
  constraint signing_key_uses_pkey PRIMARY KEY (kid, expires_at)
);

create table rowpass.signing_keys (
  kid text not null,
  public_jwk jsonb not null,
  state text not null,
  added_at timestamp with time zone not null,
  activated_at timestamp with time zone,
  retired_at timestamp with time zone,
  gone_at timestamp with time zone,
  revoked boolean not null default false,
  longest_ttl_seconds double precision not null,
  wrapped_under text,
  wrapped_key text,
  ciphertext text,
  constraint signing_keys_check CHECK (((activated_at IS NOT NULL) OR (state <> 'active'::text))),
  constraint signing_keys_check1 CHECK (((retired_at IS NOT NULL) OR (state <> 'retired'::text))),
  constraint signing_keys_check2 CHECK (((gone_at IS NOT NULL) OR (state <> 'gone'::text))),
  constraint signing_keys_kid_check CHECK ((kid ~ '^[A-Za-z0-9_-]{43}$'::text)),
  constraint signing_keys_longest_ttl_seconds_check CHECK (((longest_ttl_seconds >= (1)::double precision) AND (longest_ttl_seconds <= (86400)::double precision))),
  constraint signing_keys_pkey PRIMARY KEY (kid),
  constraint signing_keys_public_jwk_check CHECK ((NOT (public_jwk ?| '{d,p,q,dp,dq,qi,k,oth}'::text[]))),
  constraint signing_keys_sealed CHECK ((num_nulls(wrapped_under, wrapped_key, ciphertext) =
CASE state
    WHEN 'gone'::text THEN 3
    ELSE 0
END)),
  constraint signing_keys_state_check CHECK ((state = ANY (ARRAY['next'::text, 'active'::text, 'retired'::text, 'gone'::text])))
);
CREATE UNIQUE INDEX signing_keys_one_active_idx ON rowpass.signing_keys USING btree ((true)) WHERE (state = 'active'::text);

create table rowpass_ddl.changes (
  id uuid not null default gen_random_uuid(),
  n bigint not null,
  constraint changes_pkey PRIMARY KEY (id)
);
grant select on table rowpass_ddl.changes to public;

CREATE OR REPLACE FUNCTION auth.actor()
 RETURNS text
 LANGUAGE sql
 STABLE PARALLEL SAFE
RETURN (jsonb_path_query_first(auth.session(), 'strict $."act"."sub"?(@.type() == "string")'::jsonpath, '{}'::jsonb, true) #>> '{}'::text[]);
grant execute on function auth.actor() to anonymous;
grant execute on function auth.actor() to authenticated;

CREATE OR REPLACE FUNCTION auth.claim_bool(name text)
 RETURNS boolean
 LANGUAGE sql
 STABLE PARALLEL SAFE
RETURN ("substring"(((auth.session() -> name))::text, '^(?:true|false)$'::text))::boolean;
grant execute on function auth.claim_bool(text) to anonymous;
grant execute on function auth.claim_bool(text) to authenticated;

CREATE OR REPLACE FUNCTION auth.claim_int(name text)
 RETURNS bigint
 LANGUAGE sql
 STABLE PARALLEL SAFE
RETURN rowpass.to_bigint((auth.session() ->> name));
grant execute on function auth.claim_int(text) to anonymous;
grant execute on function auth.claim_int(text) to authenticated;

CREATE OR REPLACE FUNCTION auth.claim_text(name text)
 RETURNS text
 LANGUAGE sql
 STABLE PARALLEL SAFE
RETURN (jsonb_path_query_first((auth.session() -> name), 'strict $?(@.type() == "string")'::jsonpath) #>> '{}'::text[]);
grant execute on function auth.claim_text(text) to anonymous;
grant execute on function auth.claim_text(text) to authenticated;

CREATE OR REPLACE FUNCTION auth.claim_texts(name text)
 RETURNS text[]
 LANGUAGE plpgsql
 STABLE PARALLEL SAFE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  claim constant jsonb := auth.session() -> name;
begin
  if jsonb_typeof(claim) = 'array' and not jsonb_path_exists(claim, 'strict $[*] ? (@.type() != "string")') then
    return array(select jsonb_array_elements_text(claim));
  end if;
  return null;
end
$function$;
grant execute on function auth.claim_texts(text) to anonymous;
grant execute on function auth.claim_texts(text) to authenticated;

CREATE OR REPLACE FUNCTION auth.claim_uuid(name text)
 RETURNS uuid
 LANGUAGE sql
 STABLE PARALLEL SAFE
RETURN rowpass.to_uuid((auth.session() ->> name));
grant execute on function auth.claim_uuid(text) to anonymous;
grant execute on function auth.claim_uuid(text) to authenticated;

CREATE OR REPLACE FUNCTION auth.claim_uuids(name text)
 RETURNS uuid[]
 LANGUAGE sql
 STABLE PARALLEL SAFE
RETURN (translate("substring"(((auth.session() -> name))::text, '^\[(?:"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"(?:, "[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")*)?\]$'::text), '[]" '::text, '{}'::text))::uuid[];
grant execute on function auth.claim_uuids(text) to anonymous;
grant execute on function auth.claim_uuids(text) to authenticated;

CREATE OR REPLACE FUNCTION auth.has_scope(scope text)
 RETURNS boolean
 LANGUAGE sql
 STABLE PARALLEL SAFE
RETURN COALESCE((scope = ANY (string_to_array((auth.session() ->> 'scope'::text), ' '::text))), false);
grant execute on function auth.has_scope(text) to anonymous;
grant execute on function auth.has_scope(text) to authenticated;

CREATE OR REPLACE FUNCTION auth.jwt()
 RETURNS jsonb
 LANGUAGE sql
 STABLE PARALLEL SAFE
RETURN rowpass.session();
grant execute on function auth.jwt() to anonymous;
grant execute on function auth.jwt() to authenticated;

CREATE OR REPLACE FUNCTION auth.role()
 RETURNS text
 LANGUAGE sql
 STABLE PARALLEL SAFE
RETURN CASE WHEN (octet_length(current_setting('rowpass.seal'::text, true)) = 32) THEN (rowpass.ticket_session() ->> 'role'::text) ELSE ((rowpass.claims())::json ->> 'role'::text) END;
grant execute on function auth.role() to anonymous;
grant execute on function auth.role() to authenticated;

CREATE OR REPLACE FUNCTION auth.session()
 RETURNS jsonb
 LANGUAGE sql
 STABLE PARALLEL SAFE
RETURN rowpass.session();
grant execute on function auth.session() to anonymous;
grant execute on function auth.session() to authenticated;

CREATE OR REPLACE FUNCTION auth.uid()
 RETURNS uuid
 LANGUAGE sql
 STABLE PARALLEL SAFE
RETURN CASE WHEN (octet_length(current_setting('rowpass.seal'::text, true)) = 32) THEN rowpass.ticket_uid() ELSE rowpass.to_uuid(((rowpass.claims())::json ->> 'sub'::text)) END;
grant execute on function auth.uid() to anonymous;
grant execute on function auth.uid() to authenticated;

CREATE OR REPLACE FUNCTION auth.user_id()
 RETURNS text
 LANGUAGE sql
 STABLE PARALLEL SAFE
RETURN CASE WHEN (octet_length(current_setting('rowpass.seal'::text, true)) = 32) THEN (rowpass.ticket_session() ->> 'sub'::text) ELSE ((rowpass.claims())::json ->> 'sub'::text) END;
grant execute on function auth.user_id() to anonymous;
grant execute on function auth.user_id() to authenticated;

CREATE OR REPLACE FUNCTION issuer.account_of(address text)
 RETURNS uuid
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  select user_id from issuer.accounts where email = address
$function$;
grant execute on function issuer.account_of(text) to rowpass_issuer;

CREATE OR REPLACE FUNCTION issuer.admit(account bytea, pair bytea, address bytea)
 RETURNS integer
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
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
$function$;
grant execute on function issuer.admit(bytea,bytea,bytea) to rowpass_issuer;

CREATE OR REPLACE FUNCTION issuer.blocked_until(account bytea, pair bytea, address bytea)
 RETURNS timestamp with time zone
 LANGUAGE sql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  select max(a.blocked_until) from issuer.attempts a
   where a.blocked_until > clock_timestamp()
     and (a.bucket in (pair, address)
       or a.bucket = account and not exists (select from issuer.attempts p where p.bucket = pair and p.known_until > now()))
$function$;

CREATE OR REPLACE FUNCTION issuer.count_failure(key bytea, free integer, longest interval)
 RETURNS void
 LANGUAGE sql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  insert into issuer.attempts as a (bucket, failures, expires_at) values (key, 1, now() + interval '1 day')
  on conflict (bucket) do update set
    failures = case when a.expires_at <= now() then 1 else a.failures + 1 end,
    expires_at = excluded.expires_at,
    blocked_until = case
      when a.expires_at > now() and a.failures + 1 >= free
      then clock_timestamp() + least(longest, interval '5 seconds' * 2 ^ least(a.failures + 1 - free, 20))
      else '-infinity' end
$function$;

CREATE OR REPLACE FUNCTION issuer.credential_of(person uuid)
 RETURNS TABLE(password_hash text, version integer, email text)
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  select a.password_hash, a.version, a.email from issuer.accounts a where a.user_id = person
$function$;
grant execute on function issuer.credential_of(uuid) to rowpass_issuer;

CREATE OR REPLACE FUNCTION issuer.end_service(client text)
 RETURNS void
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  select rowpass.end_session(sid::text, until => token_expires_at) from issuer.clients where client_id = client
$function$;
grant execute on function issuer.end_service(text) to rowpass_issuer;

CREATE OR REPLACE FUNCTION issuer.end_session(session uuid)
 RETURNS boolean
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
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
$function$;
grant execute on function issuer.end_session(uuid) to rowpass_issuer;

CREATE OR REPLACE FUNCTION issuer.end_sessions(person uuid, keep uuid DEFAULT NULL::uuid)
 RETURNS integer
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  select count(*) filter (where issuer.end_session(s.sid))::integer from (
    select sid from issuer.sessions where user_id = person and sid is distinct from keep order by sid
  ) as s
$function$;
grant execute on function issuer.end_sessions(uuid,uuid) to rowpass_issuer;

CREATE OR REPLACE FUNCTION issuer.end_with_sid()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  last_token timestamptz;
begin
  with ended as (
    delete from issuer.sessions s where s.sid = new.sid returning s.token_expires_at
  ), renewed as (
    update issuer.clients c set sid = gen_random_uuid() where c.sid = new.sid returning c.token_expires_at
  )
  select max(token_expires_at) into last_token
    from (select * from ended union all select * from renewed) as known;
  -- Longer than the tokens live, by the minute that the database allows for clocks that differ and one more.
  new.expires_at := greatest(new.expires_at, last_token + interval '2 minutes');
  return new;
end
$function$;

CREATE OR REPLACE FUNCTION issuer.extend_service(client text, ttl_seconds integer)
 RETURNS uuid
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  update issuer.clients set token_expires_at = greatest(token_expires_at, now() + make_interval(secs => ttl_seconds))
   where client_id = client
  returning sid
$function$;
grant execute on function issuer.extend_service(text,integer) to rowpass_issuer;

CREATE OR REPLACE FUNCTION issuer.extend_session(session uuid, person uuid, client text, ttl_seconds integer)
 RETURNS boolean
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  with extended as (
    update issuer.sessions
       set token_expires_at = greatest(token_expires_at, now() + make_interval(secs => ttl_seconds))
     where sid = session and user_id = person and client_id = client and expires_at > now()
    returning sid
  )
  select exists (select from extended)
$function$;
grant execute on function issuer.extend_session(uuid,uuid,text,integer) to rowpass_issuer;

CREATE OR REPLACE FUNCTION issuer.find_client(client text)
 RETURNS TABLE(secret_hash bytea, grant_types text[], scopes text[], tenant_id uuid, role text)
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  select c.secret_hash, c.grant_types, c.scopes, c.tenant_id, c.role from issuer.clients c where c.client_id = client
$function$;
grant execute on function issuer.find_client(text) to rowpass_issuer;

CREATE OR REPLACE FUNCTION issuer.find_refresh(token_hash bytea)
 RETURNS TABLE(sid uuid, user_id uuid, client_id text, scope text, expires_at timestamp with time zone, used boolean)
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  select s.sid, s.user_id, s.client_id, s.scope, s.expires_at, t.used_at is not null
    from issuer.refresh_tokens t join issuer.sessions s using (sid)
   where t.hash = token_hash and s.expires_at > now()
$function$;
grant execute on function issuer.find_refresh(bytea) to rowpass_issuer;

CREATE OR REPLACE FUNCTION issuer.find_session(session uuid)
 RETURNS TABLE(user_id uuid, client_id text, scope text, expires_at timestamp with time zone)
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  select s.user_id, s.client_id, s.scope, s.expires_at from issuer.sessions s
   where s.sid = session and s.expires_at > now()
  union all
  select null, c.client_id, null, 'infinity' from issuer.clients c where c.sid = session
$function$;
grant execute on function issuer.find_session(uuid) to rowpass_issuer;

CREATE OR REPLACE FUNCTION issuer.forget_person(person uuid)
 RETURNS integer
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  -- First, as a sign-in that is under way holds the account: it is over then, or finds none.
  delete from issuer.accounts where user_id = person;
  delete from issuer.invites where user_id = person;
  return issuer.end_sessions(person);
end
$function$;
grant execute on function issuer.forget_person(uuid) to rowpass_issuer;

CREATE OR REPLACE FUNCTION issuer.forgive(account bytea, pair bytea, address bytea)
 RETURNS void
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  update issuer.attempts set failures = 0, blocked_until = '-infinity', known_until = now() + interval '30 days',
    expires_at = now() + interval '30 days'
   where bucket = pair;
  update issuer.attempts set failures = greatest(failures - 1, 0) where bucket = account;
  update issuer.attempts set failures = greatest(failures - 1, 0) where bucket = address;
$function$;
grant execute on function issuer.forgive(bytea,bytea,bytea) to rowpass_issuer;

CREATE OR REPLACE FUNCTION issuer.invite(token_hash bytea, address text, person uuid, new_name text, new_tenant text, ttl_seconds integer)
 RETURNS void
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  insert into issuer.invites (hash, email, user_id, name, tenant_name, expires_at)
  values (token_hash, address, person, new_name, new_tenant, now() + make_interval(secs => ttl_seconds))
  on conflict on constraint invites_one do update set hash = excluded.hash, name = excluded.name,
    tenant_name = excluded.tenant_name, expires_at = excluded.expires_at
$function$;
grant execute on function issuer.invite(bytea,text,uuid,text,text,integer) to rowpass_issuer;

CREATE OR REPLACE FUNCTION issuer.open_session(new_sid uuid, person uuid, expected integer, client text, granted text, refresh_hash bytea, idle_seconds integer, life_seconds integer, ttl_seconds integer)
 RETURNS boolean
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
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
$function$;
grant execute on function issuer.open_session(uuid,uuid,integer,text,text,bytea,integer,integer,integer) to rowpass_issuer;

CREATE OR REPLACE FUNCTION issuer.prune()
 RETURNS void
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  delete from issuer.attempts where bucket in (
    select bucket from issuer.attempts where expires_at < now() and known_until < now() limit 1000 for update skip locked);
  delete from issuer.sessions where sid in (
    select sid from issuer.sessions where expires_at < now() and token_expires_at < now() limit 1000
       for update skip locked);
  delete from issuer.invites where hash in (
    select hash from issuer.invites where expires_at < now() limit 1000 for update skip locked);
  delete from rowpass.revoked_sessions where sid in (
    select sid from rowpass.revoked_sessions where expires_at < now() limit 1000 for update skip locked);
$function$;
grant execute on function issuer.prune() to rowpass_issuer;

CREATE OR REPLACE FUNCTION issuer.replace_hash(person uuid, expected integer, hash text)
 RETURNS void
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  update issuer.accounts set password_hash = hash where user_id = person and version = expected
$function$;
grant execute on function issuer.replace_hash(uuid,integer,text) to rowpass_issuer;

CREATE OR REPLACE FUNCTION issuer.rotate_refresh(token_hash bytea, client text, new_hash bytea, idle_seconds integer, ttl_seconds integer)
 RETURNS TABLE(outcome text, sid uuid, user_id uuid)
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
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
$function$;
grant execute on function issuer.rotate_refresh(bytea,text,bytea,integer,integer) to rowpass_issuer;

CREATE OR REPLACE FUNCTION issuer.set_password(person uuid, address text, hash text, expected integer, keep uuid)
 RETURNS boolean
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
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
$function$;
grant execute on function issuer.set_password(uuid,text,text,integer,uuid) to rowpass_issuer;

CREATE OR REPLACE FUNCTION issuer.take_invite(token_hash bytea)
 RETURNS TABLE(email text, user_id uuid, name text, tenant_name text)
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  with gone as (
    delete from issuer.invites i
     where i.email = (select t.email from issuer.invites t where t.hash = token_hash and t.expires_at > now())
    returning i.*
  )
  select g.email, g.user_id, g.name, g.tenant_name from gone g where g.hash = token_hash
$function$;
grant execute on function issuer.take_invite(bytea) to rowpass_issuer;

CREATE OR REPLACE FUNCTION rowpass.admit_identity()
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
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
$function$;
grant execute on function rowpass.admit_identity() to anonymous;
grant execute on function rowpass.admit_identity() to authenticated;

CREATE OR REPLACE FUNCTION rowpass.claims()
 RETURNS text
 LANGUAGE plpgsql
 STABLE PARALLEL SAFE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
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
$function$;
grant execute on function rowpass.claims() to anonymous;
grant execute on function rowpass.claims() to authenticated;

CREATE OR REPLACE FUNCTION rowpass.end_session(sid text, until timestamp with time zone DEFAULT (now() + '1 day'::interval))
 RETURNS void
 LANGUAGE sql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  insert into rowpass.revoked_sessions as r (sid, expires_at)
  values (rowpass.session_id(end_session.sid), until + interval '2 minutes')
  on conflict on constraint revoked_sessions_pkey do update set expires_at = greatest(r.expires_at, excluded.expires_at)
$function$;

CREATE OR REPLACE FUNCTION rowpass.exchange_signing_keys(uses jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
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
$function$;
grant execute on function rowpass.exchange_signing_keys(jsonb) to rowpass_issuer;

CREATE OR REPLACE FUNCTION rowpass.forget_session()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  -- Waits for whoever admits one. Where that was done after the snapshot of this transaction, which then cannot see it,
  -- PostgreSQL fails it here with 40001.
  insert into rowpass.admitted_sessions as s (sid, good_until) values (new.sid, now())
    on conflict (sid) do update set good_until = s.good_until;
  delete from rowpass.identities where sid = new.sid;
  delete from rowpass.admitted_sessions where sid = new.sid;
  return null;
end
$function$;

CREATE OR REPLACE FUNCTION rowpass.gateway_contracts()
 RETURNS integer[]
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
RETURN ARRAY[1, 1];
grant execute on function rowpass.gateway_contracts() to public;

CREATE OR REPLACE FUNCTION rowpass.prune_revoked_sessions()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  delete from rowpass.revoked_sessions where sid in (
    select sid from rowpass.revoked_sessions where expires_at < now()
     order by expires_at limit 100 for update skip locked);
  return null;
end
$function$;

CREATE OR REPLACE FUNCTION rowpass.refuse_ended_session()
 RETURNS boolean
 LANGUAGE plpgsql
 STABLE PARALLEL SAFE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
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
$function$;
grant execute on function rowpass.refuse_ended_session() to public;

CREATE OR REPLACE FUNCTION rowpass.refuse_other_pads()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  raise exception 'a seal key does not change: delete it and insert the other'
    using errcode = 'object_not_in_prerequisite_state';
end
$function$;

CREATE OR REPLACE FUNCTION rowpass.refuse_ticket()
 RETURNS void
 LANGUAGE plpgsql
 STABLE PARALLEL SAFE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  -- The gateway knows this refusal by schema and constraint, and sends the request again with the whole seal.
  raise exception 'no identity is remembered for this ticket and the role %', quote_ident(current_setting('role'))
    using errcode = 'invalid_authorization_specification', schema = 'rowpass', constraint = 'ticket_unknown';
end
$function$;

CREATE OR REPLACE FUNCTION rowpass.revision()
 RETURNS integer
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
RETURN 27;

CREATE OR REPLACE FUNCTION rowpass.sealed_signing_key(kid text)
 RETURNS jsonb
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  select jsonb_build_object('alg', k.public_jwk->>'alg', 'wrappedUnder', k.wrapped_under, 'wrappedKey', k.wrapped_key,
                            'ciphertext', k.ciphertext)
    from rowpass.signing_keys k where k.kid = sealed_signing_key.kid and k.state in ('active', 'retired')
$function$;
grant execute on function rowpass.sealed_signing_key(text) to rowpass_issuer;

CREATE OR REPLACE FUNCTION rowpass.session()
 RETURNS jsonb
 LANGUAGE sql
 STABLE PARALLEL SAFE
RETURN CASE WHEN (octet_length(current_setting('rowpass.seal'::text, true)) = 32) THEN rowpass.ticket_session() ELSE (rowpass.claims())::jsonb END;
grant execute on function rowpass.session() to anonymous;
grant execute on function rowpass.session() to authenticated;

CREATE OR REPLACE FUNCTION rowpass.session_id(sid text)
 RETURNS uuid
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE STRICT
RETURN (COALESCE("substring"(sid, '^[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$'::text), "left"(encode(sha256(convert_to(sid, 'UTF8'::name)), 'hex'::text), 32)))::uuid;

CREATE OR REPLACE FUNCTION rowpass.ticket_session()
 RETURNS jsonb
 LANGUAGE plpgsql
 STABLE PARALLEL SAFE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  remembered jsonb;
begin
  select r.session into remembered from rowpass.remembered as r;
  if not found then
    perform rowpass.refuse_ticket();
  end if;
  return remembered;
end
$function$;
grant execute on function rowpass.ticket_session() to anonymous;
grant execute on function rowpass.ticket_session() to authenticated;

CREATE OR REPLACE FUNCTION rowpass.ticket_uid()
 RETURNS uuid
 LANGUAGE plpgsql
 STABLE PARALLEL SAFE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  remembered uuid;
begin
  select r.uid into remembered from rowpass.remembered as r;
  if not found then
    perform rowpass.refuse_ticket();
  end if;
  return remembered;
end
$function$;
grant execute on function rowpass.ticket_uid() to anonymous;
grant execute on function rowpass.ticket_uid() to authenticated;

CREATE OR REPLACE FUNCTION rowpass.to_bigint(value text)
 RETURNS bigint
 LANGUAGE plpgsql
 IMMUTABLE PARALLEL SAFE STRICT
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  return case
    when value = '0' then 0
    when value like '-%' then substring(value from '^-[1-9][0-9]{0,17}$')::bigint
    when value not like '0%' and octet_length(value) between 1 and 18 and ltrim(value, '0123456789') = ''
    then value::bigint
  end;
end
$function$;
grant execute on function rowpass.to_bigint(text) to anonymous;
grant execute on function rowpass.to_bigint(text) to authenticated;

CREATE OR REPLACE FUNCTION rowpass.to_uuid(value text)
 RETURNS uuid
 LANGUAGE plpgsql
 IMMUTABLE PARALLEL SAFE STRICT
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  return case
    when translate(value, '123456789abcdefABCDEF', '000000000000000000000') = '00000000-0000-0000-0000-000000000000'
    then value::uuid
  end;
end
$function$;
grant execute on function rowpass.to_uuid(text) to anonymous;
grant execute on function rowpass.to_uuid(text) to authenticated;

CREATE OR REPLACE FUNCTION rowpass_ddl.count_change()
 RETURNS event_trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  own constant xid := pg_current_xact_id()::xid;
begin
  if tg_event = 'sql_drop' then
    if not exists (select from pg_event_trigger_dropped_objects() where original and not is_temporary) then
      return;
    end if;
  elsif tg_tag in ('COMMENT', 'SECURITY LABEL', 'REINDEX', 'REFRESH MATERIALIZED VIEW', 'ALTER DEFAULT PRIVILEGES') then
    return;
  elsif tg_tag not in ('DROP OWNED', 'REASSIGN OWNED') and not exists (
    select from pg_event_trigger_ddl_commands() as c
     where c.schema_name is distinct from 'pg_temp'
       and (tg_tag not in ('GRANT', 'REVOKE') or c.object_type = 'SCHEMA')
  ) then
    return;
  end if;
  -- Without the table a gateway cannot read the count either, and keeps nothing.
  if to_regclass('rowpass_ddl.changes') is null then
    return;
  end if;
  if current_setting('transaction_isolation') not in ('read committed', 'read uncommitted') then
    insert into rowpass_ddl.changes (n) values (1);
  elsif not exists (select from rowpass_ddl.changes where xmin = own) then
    with folded as (
      delete from rowpass_ddl.changes
       where id = any (array(select id from rowpass_ddl.changes limit 100 for update skip locked))
      returning n
    )
    insert into rowpass_ddl.changes (n) select 1 + coalesce(sum(n), 0) from folded;
  end if;
end
$function$;

create event trigger rowpass_ddl_drop on sql_drop execute function rowpass_ddl.count_change(); -- enabled always

create event trigger rowpass_ddl_end on ddl_command_end execute function rowpass_ddl.count_change(); -- enabled always
