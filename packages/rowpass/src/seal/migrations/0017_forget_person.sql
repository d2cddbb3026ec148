-- What the issuer keeps of somebody goes with them: the account, invites for it, and every session, whose tokens are
-- refused from the next statement on. Returns how many sessions ended. Whoever may delete the row of the person decides.
create function issuer.forget_person(person uuid) returns integer
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
revoke all on function issuer.forget_person(uuid) from public;
grant execute on function issuer.forget_person(uuid) to rowpass_issuer;
