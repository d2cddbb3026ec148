-- What `rowpass db migrate` and `rowpass db harden` have changed outside of these schemas, for `rowpass db harden --undo`.

create table rowpass.hardening (
  id bigint generated always as identity primary key,
  step text not null,
  change jsonb not null,
  made_at timestamptz not null default now()
);
revoke all on rowpass.hardening from public;
