-- needs-create-in: auth
create or replace function auth.claim_uuid(name text) returns uuid
  language sql stable parallel safe
  return rowpass.to_uuid(auth.session() ->> name);

create or replace function auth.claim_int(name text) returns bigint
  language sql stable parallel safe
  return rowpass.to_bigint(auth.session() ->> name);
