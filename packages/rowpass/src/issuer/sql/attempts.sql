-- Failed attempts, counted by bucket: hashes, where `pair` is account and address together.

-- Counts one attempt as a failure. After `free` of them the next one waits five seconds, then twice as long each time, up
-- to `longest`.
create or replace function issuer.count_failure(key bytea, free integer, longest interval) returns void
  language sql volatile
  set search_path = pg_catalog, pg_temp
as $$
  insert into issuer.attempts as a (bucket, failures, expires_at) values (key, 1, now() + interval '1 day')
  on conflict (bucket) do update set
    failures = case when a.expires_at <= now() then 1 else a.failures + 1 end,
    expires_at = excluded.expires_at,
    blocked_until = case
      when a.expires_at > now() and a.failures + 1 >= free
      then clock_timestamp() + least(longest, interval '5 seconds' * 2 ^ least(a.failures + 1 - free, 20))
      else '-infinity' end
$$;

-- Until when an attempt has to wait: by its account and address, by its address, or by its account alone, which does not
-- hold for a place from where somebody has signed in.
create or replace function issuer.blocked_until(account bytea, pair bytea, address bytea) returns timestamptz
  language sql volatile
  set search_path = pg_catalog, pg_temp
as $$
  select max(a.blocked_until) from issuer.attempts a
   where a.blocked_until > clock_timestamp()
     and (a.bucket in (pair, address)
       or a.bucket = account and not exists (select from issuer.attempts p where p.bucket = pair and p.known_until > now()))
$$;

-- Admits an attempt, which is a failure until `forgive` says otherwise, or says how many seconds to wait. A refused one
-- is not counted and leaves no row, so that nobody is kept out by trying. Attempts at the same moment on one account, or
-- from one address, are looked at one after the other.
-- The limit of the account alone is there against many addresses. Nobody can keep its owner out with it: it asks for a
-- minute at most, and not at all where the owner has signed in before.
create or replace function issuer.admit(account bytea, pair bytea, address bytea) returns integer
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
as $$
declare
  blocked timestamptz := issuer.blocked_until(account, pair, address);
  key bytea;
begin
  if blocked is null then
    -- In one order everywhere, so that no two wait for each other.
    foreach key in array array[pair, account, address] loop
      if key is not null then
        insert into issuer.attempts (bucket, failures, expires_at) values (key, 0, now() + interval '1 day')
          on conflict do nothing;
        perform from issuer.attempts where bucket = key for update;
      end if;
    end loop;
    blocked := issuer.blocked_until(account, pair, address);
  end if;
  if blocked is not null then
    return ceil(extract(epoch from blocked - clock_timestamp()));
  end if;
  if pair is not null then
    perform issuer.count_failure(pair, 5, interval '15 minutes');
  end if;
  if account is not null then
    perform issuer.count_failure(account, 50, interval '1 minute');
  end if;
  if address is not null then
    perform issuer.count_failure(address, 100, interval '15 minutes');
  end if;
  if random() < 0.01 then
    perform issuer.prune();
  end if;
  return 0;
end
$$;

-- The attempt was a success. The address keeps what it has failed elsewhere, but for this one. In the order of `admit`.
create or replace function issuer.forgive(account bytea, pair bytea, address bytea) returns void
  language sql volatile security definer
  set search_path = pg_catalog, pg_temp
as $$
  update issuer.attempts set failures = 0, blocked_until = '-infinity', known_until = now() + interval '30 days',
    expires_at = now() + interval '30 days'
   where bucket = pair;
  update issuer.attempts set failures = greatest(failures - 1, 0) where bucket = account;
  update issuer.attempts set failures = greatest(failures - 1, 0) where bucket = address;
$$;

revoke all on function issuer.count_failure(bytea, integer, interval), issuer.blocked_until(bytea, bytea, bytea),
  issuer.admit(bytea, bytea, bytea), issuer.forgive(bytea, bytea, bytea) from public;
grant execute on function issuer.admit(bytea, bytea, bytea), issuer.forgive(bytea, bytea, bytea) to rowpass_issuer;
