-- What the issuer keeps: clients, accounts, sessions, and single-use tokens, each secret as a hash. Only the owner can
-- read or write these tables; `rowpass_issuer` calls the functions of the other files here.

create schema issuer;
revoke all on schema issuer from public;
grant usage on schema issuer to rowpass_issuer;

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
  constraint clients_role_in_tenant check (role is null or tenant_id is not null),
  -- A service is the subject of its own tokens, and people are by their id: nobody may be both.
  constraint clients_not_a_person check (client_id !~ '^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$')
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
  email text not null,
  -- The person, or NULL for somebody who signs up, who gets a tenant and a row then.
  user_id uuid,
  name text,
  tenant_name text,
  expires_at timestamptz not null,
  constraint invites_whom check ((user_id is null) = (name is not null and tenant_name is not null)),
  -- One at a time for an address and whom it is for. A sign-up, which anybody may begin for any address, does not take the
  -- place of what an admin has sent.
  constraint invites_one unique nulls not distinct (email, user_id)
);
create index invites_expires_at_idx on issuer.invites (expires_at);

-- Failed attempts by bucket: a hash of an account, an address, or both. Not logged: a crash forgives everybody.
create unlogged table issuer.attempts (
  bucket bytea primary key check (octet_length(bucket) = 32),
  failures integer not null,
  -- When counting begins anew.
  expires_at timestamptz not null,
  blocked_until timestamptz not null default '-infinity',
  -- Until when an account+address counts as known: somebody has signed in from there.
  known_until timestamptz not null default '-infinity'
);
create index attempts_expires_at_idx on issuer.attempts (expires_at);

revoke all on all tables in schema issuer from public;
