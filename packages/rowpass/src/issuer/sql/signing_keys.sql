-- Notes what an instance signed since it last asked, and answers with the ring as it is afterwards.
-- uses: [{kid, expires_minute, tokens, longest_ttl_seconds}]; without a kid, the key that signs is meant. What names a key
-- that does not sign, or a time that cannot be, is left out.
create or replace function rowpass.exchange_signing_keys(uses jsonb) returns jsonb
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
as $$
declare
  noted record;
begin
  for noted in
    select k.kid, to_timestamp(u.expires_minute * 60) as expires_at, sum(u.tokens) as tokens,
           max(u.longest_ttl_seconds) as ttl
      from jsonb_to_recordset(uses)
           as u (kid text, expires_minute bigint, tokens bigint, longest_ttl_seconds double precision)
      join rowpass.signing_keys k on k.kid = u.kid or u.kid is null and k.state = 'active'
     where k.state in ('active', 'retired')
       and u.expires_minute between extract(epoch from now()) / 60 and extract(epoch from now()) / 60 + 1442
       and u.tokens between 0 and 1000000000 and u.longest_ttl_seconds between 1 and 86400
     group by 1, 2
     order by 1, 2  -- one order, so that two instances never wait for each other in a circle
     limit 128
  loop
    update rowpass.signing_keys k set longest_ttl_seconds = noted.ttl
     where k.kid = noted.kid and k.state in ('active', 'retired') and k.longest_ttl_seconds < noted.ttl;
    if noted.tokens > 0 then
      insert into rowpass.signing_key_uses as s values (noted.kid, noted.expires_at, noted.tokens)
        on conflict (kid, expires_at) do update set tokens = s.tokens + excluded.tokens;
    end if;
  end loop;
  delete from rowpass.signing_key_uses where (kid, expires_at) in (
    select s.kid, s.expires_at from rowpass.signing_key_uses s where s.expires_at < now() limit 128 for update skip locked
  );

  return (
    select jsonb_build_object(
      'timing', jsonb_build_object('jwksMaxAgeSeconds', r.jwks_max_age_seconds, 'lagSeconds', r.lag_seconds,
                                   'skewSeconds', r.skew_seconds, 'ttlSeconds', r.ttl_seconds),
      'published', coalesce((select jsonb_agg(k.public_jwk order by k.added_at, k.kid)
                               from rowpass.signing_keys k where k.state <> 'gone'), '[]'),
      'active', (select jsonb_build_object('kid', k.kid, 'longestTtlSeconds', k.longest_ttl_seconds)
                   from rowpass.signing_keys k where k.state = 'active'))
      from rowpass.key_ring r
  );
end
$$;

-- The private half of the key that signs, encrypted; NULL for any other.
create or replace function rowpass.sealed_signing_key(kid text) returns jsonb
  language sql stable security definer
  set search_path = pg_catalog, pg_temp
as $$
  select jsonb_build_object('alg', k.public_jwk->>'alg', 'wrappedUnder', k.wrapped_under, 'wrappedKey', k.wrapped_key,
                            'ciphertext', k.ciphertext)
    from rowpass.signing_keys k where k.kid = sealed_signing_key.kid and k.state in ('active', 'retired')
$$;

revoke all on function rowpass.exchange_signing_keys(jsonb), rowpass.sealed_signing_key(text) from public;
grant execute on function rowpass.exchange_signing_keys(jsonb), rowpass.sealed_signing_key(text) to rowpass_issuer;
