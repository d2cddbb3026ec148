-- Whose identity each is, so that many tokens of one person do not fill the table.
delete from rowpass.identities;
alter table rowpass.identities
  -- SHA-256 of issuer and subject.
  add column person bytea not null check (octet_length(person) = 32);
create index identities_person_idx on rowpass.identities (person, good_until);
