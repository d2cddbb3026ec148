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
