-- What a Supabase project has before you add anything, as far as these pages need it: the roles of its API, people, and the
-- functions that read the claims. Run it in an empty database; on Supabase it is there.
create role anon nologin noinherit;
create role authenticated nologin noinherit;
create schema auth;
grant usage on schema auth to anon, authenticated;
create table auth.users (id uuid primary key, email text);
create function auth.jwt() returns jsonb
  language sql stable
  as $$
    select coalesce(
      nullif(current_setting('request.jwt.claim', true), ''),
      nullif(current_setting('request.jwt.claims', true), '')
    )::jsonb
  $$;
create function auth.uid() returns uuid
  language sql stable
  as $$
    select coalesce(
      nullif(current_setting('request.jwt.claim.sub', true), ''),
      nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub'
    )::uuid
  $$;

-- Every new table in public is given to the API.
grant usage on schema public to anon, authenticated;
alter default privileges in schema public grant all on tables to anon, authenticated;

insert into auth.users values
  ('ada00000-0000-4000-8000-000000000001', 'ada@tasks.example'),
  ('b0b00000-0000-4000-8000-000000000002', 'bob@tasks.example');
