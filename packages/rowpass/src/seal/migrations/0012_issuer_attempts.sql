-- The issuer's functions under requests at the same moment. Arguments and results are as before, but for a default.

-- Until when an attempt has to wait: by its account and address, by its address, or by its account alone, which does not
-- hold for a place from where somebody has signed in.
create function issuer.blocked_until(account bytea, pair bytea, address bytea) returns timestamptz
  language sql volatile
  set search_path = pg_catalog, pg_temp
as $$
  select max(a.blocked_until) from issuer.attempts a
   where a.blocked_until > clock_timestamp()
     and (a.bucket in (pair, address)
       or a.bucket = account and not exists (select from issuer.attempts p where p.bucket = pair and p.known_until > now()))
$$;
revoke all on function issuer.blocked_until(bytea, bytea, bytea) from public;

-- As before, but attempts at the same moment on one account, or from one address, are looked at one after the other like
-- those of both; and whoever has to wait leaves no row behind.
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

-- As before, in the order of `admit`.
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

-- Signs a person out everywhere, or everywhere but in one session; returns how many sessions ended. In one order, so that
-- two at the same time do not wait for each other.
create or replace function issuer.end_sessions(person uuid, keep uuid default null) returns integer
  language sql volatile security definer
  set search_path = pg_catalog, pg_temp
as $$
  select count(*) filter (where issuer.end_session(s.sid))::integer from (
    select sid from issuer.sessions where user_id = person and sid is distinct from keep order by sid
  ) as s
$$;
