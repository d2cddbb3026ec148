-- needs-create-in: auth
-- What narrows the caller's token, for policies. The gateway holds a narrowed token to its scopes by itself; a policy can ask
-- for more, such as `auth.actor() is null` for rows that no agent sees. Each reads the claims by auth.session(), as those of
-- `typed_claims.sql` do.

-- The agent that acts for the caller, the outer one of several: `sub` in the claim `act` (RFC 8693 §4.1). NULL where the
-- person acts.
create or replace function auth.actor() returns text
  language sql stable parallel safe
  return jsonb_path_query_first(auth.session(), 'strict $.act.sub ? (@.type() == "string")', '{}', true) #>> '{}';

-- Whether the claim `scope`, a text, has this word: false where there is none. A token that is not narrowed has none of
-- ours, and one with sql:write has no sql:read.
create or replace function auth.has_scope(scope text) returns boolean
  language sql stable parallel safe
  return coalesce(has_scope.scope = any (string_to_array(auth.session() ->> 'scope', ' ')), false);

revoke all on function auth.actor(), auth.has_scope(text) from public;
grant execute on function auth.actor(), auth.has_scope(text) to authenticated, anonymous;
