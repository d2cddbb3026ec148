-- What is kept of the work on this database, outside of requests.

-- Seed files that have run here, by their content: `rowpass dev` runs one again only after it was changed, so rows that
-- were deleted since do not come back.
create table rowpass.seeds (
  sha256 text primary key check (sha256 ~ '^[0-9a-f]{64}$'),
  applied_at timestamptz not null default now()
);

-- What `rowpass db migrate` and `rowpass db harden` have changed outside of these schemas, for `rowpass db harden --undo`.
create table rowpass.hardening (
  id bigint generated always as identity primary key,
  step text not null,
  change jsonb not null,
  made_at timestamptz not null default now()
);

revoke all on rowpass.seeds, rowpass.hardening from public;
