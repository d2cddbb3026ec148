-- The issuer's key ring, for as many instances as there are. Private keys are encrypted before they come here, under a key
-- that the database never sees; the owner changes the ring, and `rowpass_issuer` calls the two functions of signing_keys.sql.

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
