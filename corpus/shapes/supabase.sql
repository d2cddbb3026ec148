-- What a Supabase project brings before anything is made in it: roles, default privileges, schemas of its services.
-- `project_owner` stands for its role postgres, which is no superuser there.
do $$
declare name text;
begin
  foreach name in array array['anon', 'authenticated', 'service_role', 'authenticator', 'dashboard_user', 'supabase_admin',
    'supabase_auth_admin', 'supabase_storage_admin', 'project_owner']
  loop
    if not exists (select from pg_roles where rolname = name) then execute format('create role %I', name); end if;
  end loop;
end $$;
alter role anon noinherit;
alter role authenticated noinherit;
alter role service_role noinherit bypassrls;
alter role authenticator noinherit login;
alter role supabase_admin superuser login replication bypassrls;
alter role supabase_auth_admin noinherit createrole login;
alter role supabase_storage_admin noinherit createrole login;
alter role project_owner login createrole createdb bypassrls;
grant anon, authenticated, service_role to authenticator, project_owner, supabase_storage_admin;
do $$ begin execute format('grant create on database %I to project_owner', current_database()); end $$;

create schema auth authorization supabase_admin;
grant all on schema auth to supabase_auth_admin, dashboard_user;
grant usage on schema auth to anon, authenticated, service_role, project_owner;
set role supabase_auth_admin;
create table auth.users (id uuid primary key, email text, raw_user_meta_data jsonb);
create table auth.sessions (id uuid primary key, user_id uuid not null references auth.users on delete cascade);
create table auth.schema_migrations (version text primary key);
create function auth.uid() returns uuid language sql stable as $$
  select coalesce(nullif(current_setting('request.jwt.claim.sub', true), ''),
    (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub'))::uuid $$;
create function auth.role() returns text language sql stable as $$
  select coalesce(nullif(current_setting('request.jwt.claim.role', true), ''),
    (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'role'))::text $$;
create function auth.email() returns text language sql stable as $$
  select coalesce(nullif(current_setting('request.jwt.claim.email', true), ''),
    (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'email'))::text $$;
create function auth.jwt() returns jsonb language sql stable as $$
  select coalesce(nullif(current_setting('request.jwt.claim', true), ''),
    nullif(current_setting('request.jwt.claims', true), ''))::jsonb $$;
grant select, references, trigger on auth.users to project_owner;
reset role;
-- Like postgres, which may make triggers on the table of people.
grant all on auth.users, auth.sessions to dashboard_user, project_owner;
alter table auth.users enable row level security;
alter table auth.sessions enable row level security;
alter table auth.schema_migrations enable row level security;

create schema storage authorization supabase_admin;
grant usage on schema storage to anon, authenticated, service_role, project_owner;
grant all on schema storage to supabase_storage_admin, dashboard_user;
set role supabase_storage_admin;
create table storage.buckets (id text primary key, name text not null, public boolean default false);
create table storage.objects (
  id uuid primary key default gen_random_uuid(), bucket_id text references storage.buckets, name text, owner_id text);
create unique index on storage.objects (bucket_id, name);
create table storage.migrations (id integer primary key, name text);
alter table storage.buckets enable row level security;
alter table storage.objects enable row level security;
alter table storage.migrations enable row level security;
create function storage.foldername(name text) returns text[] language plpgsql as $$
declare parts text[];
begin
  select string_to_array(name, '/') into parts;
  return parts[1 : array_length(parts, 1) - 1];
end $$;
grant all on storage.buckets, storage.objects to anon, authenticated, service_role, project_owner;
reset role;

create schema extensions;
grant usage on schema extensions to anon, authenticated, service_role, project_owner;
create publication supabase_realtime;
alter publication supabase_realtime owner to supabase_admin;

grant usage on schema public to anon, authenticated, service_role;
grant create, usage on schema public to project_owner;
alter default privileges for role project_owner in schema public
  grant all on tables to anon, authenticated, service_role;
alter default privileges for role project_owner in schema public
  grant all on functions to anon, authenticated, service_role;
alter default privileges for role project_owner in schema public
  grant all on sequences to anon, authenticated, service_role;
alter default privileges for role supabase_admin in schema public
  grant all on tables to anon, authenticated, service_role;
alter default privileges for role supabase_admin in schema public
  grant all on functions to anon, authenticated, service_role;
alter default privileges for role supabase_admin in schema public
  grant all on sequences to anon, authenticated, service_role;
