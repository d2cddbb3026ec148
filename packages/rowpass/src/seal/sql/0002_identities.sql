-- Identities whose seal was verified once. Whoever brings the ticket of one, under the role that it was sealed for, has its
-- claims without another MAC. Unlogged: after a crash there are none, and gateways have them admitted again.
create unlogged table rowpass.identities (
  -- SHA-256 of the ticket: neither a comparison that takes its time nor a copy of the table tells anybody one.
  ticket_hash bytea primary key check (octet_length(ticket_hash) = 32),
  role text not null,
  good_until timestamptz not null,
  key_name text not null references rowpass.seal_keys on delete cascade,
  sid uuid,
  session jsonb not null,
  -- The claim `sub` where it is a uuid.
  uid uuid
);
create index identities_good_until_idx on rowpass.identities (good_until);
create index identities_sid_idx on rowpass.identities (sid) where sid is not null;

-- Sessions that have identities there. Whoever admits one of a session, or ends the session, writes this row first: so one
-- waits for the other, and a transaction that cannot see what the other has done fails.
create unlogged table rowpass.admitted_sessions (
  sid uuid primary key,
  good_until timestamptz not null
);
create index admitted_sessions_good_until_idx on rowpass.admitted_sessions (good_until);

revoke all on rowpass.identities, rowpass.admitted_sessions from public;
