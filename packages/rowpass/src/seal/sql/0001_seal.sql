-- What the check of a sealed session reads, and nobody but the owner can.
-- Runs as the owner, after the roles `authenticated` and `anonymous` exist.

-- To PUBLIC as well: the gateway asks before it takes a role. A right to a function or a table of it is given by name.
grant usage on schema rowpass to public, authenticated, anonymous;

-- HMAC-SHA256 (RFC 2104) keys, kept as the two 64-byte pads so that each check costs two hashes and no XOR.
create table rowpass.seal_keys (
  name text primary key check (name ~ '^[a-z0-9_-]{1,32}$'),
  inner_pad bytea not null check (octet_length(inner_pad) = 64),
  outer_pad bytea not null check (octet_length(outer_pad) = 64),
  created_at timestamptz not null default now()
);

-- Sessions (claim `sid`) that have been ended while tokens of theirs are still good. A row may go when the last of these
-- tokens has expired.
create table rowpass.revoked_sessions (
  sid uuid primary key,
  expires_at timestamptz not null
);
create index revoked_sessions_expires_at_idx on rowpass.revoked_sessions (expires_at);

revoke all on rowpass.seal_keys, rowpass.revoked_sessions from public;
