-- Refuses a request whose session was ended, whether or not its statements ask who their caller is: the gateway calls it
-- in the envelope of each token that names a session.
--
-- It runs before the role is taken, as a login that has no rights, and for roles of which nothing is known. So PUBLIC may
-- call it. It takes no argument and tells nothing but whether the session in the caller's own seal was ended.
-- Does NOT check the seal: that is rowpass.claims(), which refuses ended sessions too, as a statement may come otherwise.
create function rowpass.refuse_ended_session() returns boolean
  language plpgsql stable parallel safe security definer
  set search_path = pg_catalog, pg_temp
as $$
begin
  perform from rowpass.revoked_sessions
    where sid = nullif(split_part(current_setting('rowpass.seal', true), ':', 4), '')::uuid;
  if found then
    -- The gateway knows this refusal by schema and constraint.
    raise exception 'the session has been ended'
      using errcode = 'invalid_authorization_specification', schema = 'rowpass', constraint = 'session_revoked';
  end if;
  return false;
end
$$;
grant execute on function rowpass.refuse_ended_session() to public;
-- Every other function in it was taken from PUBLIC when it was made, and PUBLIC has no right to a table.
grant usage on schema rowpass to public;
