-- What a Supabase project has before you add anything, as far as these pages need it: the roles of its services and of its
-- API, people, the functions that read the claims, and the default privileges, with their change of 2026-10-30. Run it in an
-- empty database; on Supabase it is there.
create role anon nologin noinherit;
create role authenticated nologin noinherit;
create role service_role nologin noinherit bypassrls;
create role authenticator login noinherit;
grant anon, authenticated, service_role to authenticator;
create role supabase_auth_admin noinherit createrole login;

create schema auth authorization supabase_auth_admin;
grant usage on schema auth to anon, authenticated, service_role;
create table auth.users (id uuid primary key, email text);
alter table auth.users enable row level security;
alter table auth.users owner to supabase_auth_admin;
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
create function auth.role() returns text
  language sql stable
  as $$
    select coalesce(
      nullif(current_setting('request.jwt.claim.role', true), ''),
      nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'role'
    )
  $$;
create publication supabase_realtime;

-- Every new table in public was given to the API …
grant usage on schema public to anon, authenticated, service_role;
alter default privileges in schema public grant all on tables to anon, authenticated, service_role;
alter default privileges in schema public grant all on functions to anon, authenticated, service_role;
alter default privileges in schema public grant all on sequences to anon, authenticated, service_role;
-- … and since 2026-10-30 each needs a grant of its own. TRUNCATE, REFERENCES, TRIGGER and MAINTAIN are still given.
alter default privileges in schema public
  revoke select, insert, update, delete on tables from anon, authenticated, service_role;
alter default privileges in schema public revoke usage, select on sequences from anon, authenticated, service_role;
alter default privileges in schema public revoke execute on functions from anon, authenticated, service_role;

insert into auth.users values
  ('ada00000-0000-4000-8000-000000000001', 'ada@tasks.example'),
  ('b0b00000-0000-4000-8000-000000000002', 'bob@tasks.example');
