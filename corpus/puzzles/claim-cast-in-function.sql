-- as: {"app_metadata": {"org": "acme"}, "sub": "7"}
-- ask: select * from app.bills
-- happens: 22P02
-- reasons: claim_unfit
-- says: the claim app_metadata.org is "acme", no bigint
create schema app; grant usage on schema app to puzzle_user;
create function app.claims() returns jsonb language sql stable as
  $$ select nullif(current_setting('request.jwt.claims', true), '')::jsonb $$;
create function app.org() returns bigint language plpgsql stable as
  $$ begin return app.claims() -> 'app_metadata' ->> 'org'; end $$;
create function app.person() returns int language sql stable as $$ select (app.claims() ->> 'sub')::int $$;
create table app.bills (id bigint primary key, org bigint, person int); insert into app.bills values (1, 3, 7);
alter table app.bills enable row level security;
create policy ours on app.bills to puzzle_user using (org = (select app.org()) and person = (select app.person()));
grant select on app.bills to puzzle_user;
