-- People who sign in with a password.

create or replace function issuer.account_of(address text) returns uuid
  language sql stable security definer
  set search_path = pg_catalog, pg_temp
as $$
  select user_id from issuer.accounts where email = address
$$;

-- The hash to check a password against, by the person.
create or replace function issuer.credential_of(person uuid) returns table (password_hash text, version integer, email text)
  language sql stable security definer
  set search_path = pg_catalog, pg_temp
as $$
  select a.password_hash, a.version, a.email from issuer.accounts a where a.user_id = person
$$;

-- Sets a password and ends every session of the person but one. The address becomes theirs: whoever calls this has seen
-- that they control it; where it was somebody else's, their sessions end with their account. With `expected`, only where
-- the password was not changed meanwhile.
create or replace function issuer.set_password(person uuid, address text, hash text, expected integer, keep uuid)
  returns boolean
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
as $$
declare
  former uuid;
begin
  if expected is null then
    delete from issuer.accounts where email = address and user_id <> person returning user_id into former;
    perform issuer.end_sessions(former, null);
    insert into issuer.accounts as a (user_id, email, password_hash) values (person, address, hash)
      on conflict (user_id) do update set
        email = excluded.email, password_hash = excluded.password_hash, version = a.version + 1, changed_at = now();
  else
    update issuer.accounts set password_hash = hash, version = version + 1, changed_at = now()
     where user_id = person and version = expected;
    if not found then
      return false;
    end if;
  end if;
  perform issuer.end_sessions(person, keep);
  return true;
end
$$;

-- The same password, hashed with newer parameters.
create or replace function issuer.replace_hash(person uuid, expected integer, hash text) returns void
  language sql volatile security definer
  set search_path = pg_catalog, pg_temp
as $$
  update issuer.accounts set password_hash = hash where user_id = person and version = expected
$$;

-- What the issuer keeps of somebody goes with them: the account, invites for it, and every session, whose tokens are
-- refused from the next statement on. Returns how many sessions ended. Whoever may delete the row of the person decides.
create or replace function issuer.forget_person(person uuid) returns integer
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
as $$
begin
  -- First, as a sign-in that is under way holds the account: it is over then, or finds none.
  delete from issuer.accounts where user_id = person;
  delete from issuer.invites where user_id = person;
  return issuer.end_sessions(person);
end
$$;

revoke all on function issuer.account_of(text), issuer.credential_of(uuid),
  issuer.set_password(uuid, text, text, integer, uuid), issuer.replace_hash(uuid, integer, text),
  issuer.forget_person(uuid) from public;
grant execute on function issuer.account_of(text), issuer.credential_of(uuid),
  issuer.set_password(uuid, text, text, integer, uuid), issuer.replace_hash(uuid, integer, text),
  issuer.forget_person(uuid) to rowpass_issuer;
