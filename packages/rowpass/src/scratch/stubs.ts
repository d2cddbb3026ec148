/**
 * What stands in for the parts of a platform that a script takes for granted and does not make itself.
 */

/** What is made before the scripts run, and how it is called. */
export interface Platform {
  readonly says: string
  readonly roles: readonly { readonly name: string; readonly with: string }[]
  readonly sql: string
}

/** The roles, schemas and functions that policies of Supabase's projects use. */
export const supabase: Platform = {
  says: 'the roles, auth and storage of Supabase',
  roles: [
    { name: 'anon', with: 'nologin noinherit' },
    { name: 'authenticated', with: 'nologin noinherit' },
    { name: 'service_role', with: 'nologin noinherit bypassrls' },
    { name: 'authenticator', with: 'login noinherit' },
    { name: 'supabase_admin', with: 'nologin' },
    { name: 'supabase_auth_admin', with: 'nologin noinherit' },
    { name: 'supabase_storage_admin', with: 'nologin noinherit' },
  ],
  sql: `
    grant usage on schema public to anon, authenticated, service_role;
    alter default privileges in schema public grant all on tables to anon, authenticated, service_role;
    alter default privileges in schema public grant all on functions to anon, authenticated, service_role;
    alter default privileges in schema public grant all on sequences to anon, authenticated, service_role;
    create schema extensions;
    do $$ begin create extension pgcrypto with schema extensions; exception when others then null; end $$;
    do $$ begin create extension "uuid-ossp" with schema extensions;
      exception when others then create function extensions.uuid_generate_v4() returns uuid language sql volatile
        as 'select gen_random_uuid()'; end $$;
    create schema auth;
    create schema storage;
    grant usage on schema extensions, auth, storage to anon, authenticated, service_role;
    create function auth.jwt() returns jsonb language sql stable
      as $$ select coalesce(nullif(current_setting('request.jwt.claims', true), ''), '{}')::jsonb $$;
    create function auth.uid() returns uuid language sql stable
      as $$ select (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub')::uuid $$;
    create function auth.role() returns text language sql stable
      as $$ select nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'role' $$;
    create function auth.email() returns text language sql stable
      as $$ select nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'email' $$;
    create table auth.users (
      instance_id uuid, id uuid primary key, aud varchar(255), role varchar(255), email varchar(255),
      encrypted_password varchar(255), email_confirmed_at timestamptz, invited_at timestamptz,
      confirmation_token varchar(255), confirmation_sent_at timestamptz, recovery_token varchar(255),
      recovery_sent_at timestamptz, email_change_token_new varchar(255), email_change varchar(255),
      email_change_sent_at timestamptz, last_sign_in_at timestamptz, raw_app_meta_data jsonb, raw_user_meta_data jsonb,
      is_super_admin boolean, created_at timestamptz, updated_at timestamptz, phone text unique,
      phone_confirmed_at timestamptz, phone_change text default '', phone_change_token varchar(255) default '',
      phone_change_sent_at timestamptz,
      confirmed_at timestamptz generated always as (least(email_confirmed_at, phone_confirmed_at)) stored,
      email_change_token_current varchar(255) default '',
      email_change_confirm_status smallint default 0 check (email_change_confirm_status between 0 and 2),
      banned_until timestamptz, reauthentication_token varchar(255) default '', reauthentication_sent_at timestamptz,
      is_sso_user boolean not null default false, deleted_at timestamptz, is_anonymous boolean not null default false);
    create unique index users_email_partial_key on auth.users (email) where not is_sso_user;
    create table auth.identities (
      provider_id text not null, user_id uuid not null references auth.users on delete cascade,
      identity_data jsonb not null, provider text not null, last_sign_in_at timestamptz, created_at timestamptz,
      updated_at timestamptz, email text generated always as (lower(identity_data ->> 'email')) stored,
      id uuid primary key default gen_random_uuid(), unique (provider_id, provider));
    create type auth.aal_level as enum ('aal1', 'aal2', 'aal3');
    create type auth.factor_type as enum ('totp', 'webauthn', 'phone');
    create type auth.factor_status as enum ('unverified', 'verified');
    create table auth.mfa_factors (
      id uuid primary key, user_id uuid not null references auth.users on delete cascade, friendly_name text,
      factor_type auth.factor_type not null, status auth.factor_status not null, created_at timestamptz not null,
      updated_at timestamptz not null, secret text, phone text, last_challenged_at timestamptz unique,
      web_authn_credential jsonb, web_authn_aaguid uuid);
    create table auth.sessions (
      id uuid primary key, user_id uuid not null references auth.users on delete cascade, created_at timestamptz,
      updated_at timestamptz, factor_id uuid, aal auth.aal_level, not_after timestamptz, refreshed_at timestamp,
      user_agent text, ip inet, tag text);
    create table auth.refresh_tokens (
      instance_id uuid, id bigserial primary key, token varchar(255) unique, user_id varchar(255), revoked boolean,
      created_at timestamptz, updated_at timestamptz, parent varchar(255),
      session_id uuid references auth.sessions on delete cascade);
    create table auth.audit_log_entries (
      instance_id uuid, id uuid primary key, payload json, created_at timestamptz,
      ip_address varchar(64) not null default '');
    alter table auth.users enable row level security;
    alter table auth.identities enable row level security;
    alter table auth.mfa_factors enable row level security;
    alter table auth.sessions enable row level security;
    alter table auth.refresh_tokens enable row level security;
    alter table auth.audit_log_entries enable row level security;
    create table storage.buckets (
      id text primary key, name text not null unique, owner uuid, owner_id text, public boolean default false,
      file_size_limit bigint, allowed_mime_types text[], created_at timestamptz default now(),
      updated_at timestamptz default now());
    create table storage.objects (
      id uuid primary key default gen_random_uuid(), bucket_id text references storage.buckets, name text, owner uuid,
      owner_id text, metadata jsonb, user_metadata jsonb, version text, created_at timestamptz default now(),
      updated_at timestamptz default now(), last_accessed_at timestamptz default now());
    alter table storage.buckets enable row level security;
    alter table storage.objects enable row level security;
    grant all on storage.buckets, storage.objects to anon, authenticated, service_role;
    create function storage.foldername(name text) returns text[] language sql immutable
      as $$ select (string_to_array(name, '/'))[1 : array_length(string_to_array(name, '/'), 1) - 1] $$;
    create function storage.filename(name text) returns text language sql immutable
      as $$ select (string_to_array(name, '/'))[array_length(string_to_array(name, '/'), 1)] $$;
    create function storage.extension(name text) returns text language sql immutable
      as $$ select split_part(storage.filename(name), '.', 2) $$;`,
}

/** What the text of an extension's functions and types stands on, where the server has not got the extension. */
export interface ExtensionStub {
  /** Statements; `%s` is the schema that the extension would be in. */
  readonly sql: string
  /** Types that take a number in parentheses, which their stand-ins do not. */
  readonly types: readonly string[]
}

const textType = (name: string): string => `create domain %s.${name} as text;`

/** By name; an extension that is not here has no stand-in, and what needs it fails with its line. */
export const extensionStubs: Readonly<Record<string, ExtensionStub>> = {
  vector: {
    sql: textType('vector') + textType('halfvec') + textType('sparsevec'),
    types: ['vector', 'halfvec', 'sparsevec'],
  },
  postgis: {
    sql: textType('geometry') + textType('geography'),
    types: ['geometry', 'geography'],
  },
  citext: { sql: textType('citext'), types: [] },
  'uuid-ossp': {
    sql: `create function %s.uuid_generate_v4() returns uuid language sql volatile as 'select gen_random_uuid()';
      create function %s.uuid_generate_v1() returns uuid language sql volatile as 'select gen_random_uuid()';`,
    types: [],
  },
  pg_cron: {
    sql: `create schema cron;
      create function cron.schedule(job_name text, schedule text, command text) returns bigint language sql
        as 'select 0::bigint';
      create function cron.schedule(schedule text, command text) returns bigint language sql as 'select 0::bigint';
      create function cron.unschedule(job_name text) returns boolean language sql as 'select true';`,
    types: [],
  },
  pgjwt: {
    sql: `create function %s.sign(payload json, secret text, algorithm text default 'HS256') returns text
        language sql immutable as 'select ''''::text';`,
    types: [],
  },
  pg_net: {
    sql: `create schema net;
      create function net.http_post(url text, body jsonb default '{}', params jsonb default '{}',
        headers jsonb default '{}', timeout_milliseconds int default 5000) returns bigint language sql as 'select 0::bigint';
      create function net.http_get(url text, params jsonb default '{}', headers jsonb default '{}',
        timeout_milliseconds int default 5000) returns bigint language sql as 'select 0::bigint';`,
    types: [],
  },
}
