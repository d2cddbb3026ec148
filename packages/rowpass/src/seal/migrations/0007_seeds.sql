-- Seed files that have run here, by their content: `rowpass dev` runs one again only after it was changed, so rows that
-- were deleted since do not come back.
create table rowpass.seeds (
  sha256 text primary key check (sha256 ~ '^[0-9a-f]{64}$'),
  applied_at timestamptz not null default now()
);
revoke all on rowpass.seeds from public;
