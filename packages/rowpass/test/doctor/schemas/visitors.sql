-- A project for PostGraphile: an owner that logs in and migrates, an authenticator, one role of visitors, sessions in a
-- private schema, functions of the owner that rely on its exemption.
create role visitors_owner login;
create role visitors_gate login noinherit;
create role visitors_visitor;
grant visitors_visitor to visitors_gate;
do $$ begin execute format('grant create on database %I to visitors_owner', current_database()); end $$;
revoke all on schema public from public;
set role visitors_owner;
create schema app_public;
create schema app_hidden;
create schema app_private;
grant usage on schema app_public, app_hidden to visitors_visitor;
alter default privileges in schema app_public, app_hidden grant usage, select on sequences to visitors_visitor;
alter default privileges in schema app_public, app_hidden grant execute on functions to visitors_visitor;
alter default privileges revoke execute on functions from public;

create table app_private.sessions (
  uuid uuid primary key default gen_random_uuid(), user_id uuid not null, created_at timestamptz not null default now(),
  last_active timestamptz not null default now());
create index on app_private.sessions (user_id);
alter table app_private.sessions enable row level security;
create table app_private.user_secrets (
  user_id uuid primary key, password_hash text, failed_attempts int not null default 0, reset_token text);
alter table app_private.user_secrets enable row level security;

create function app_public.current_session_id() returns uuid language sql stable as $$
  select nullif(pg_catalog.current_setting('jwt.claims.session_id', true), '')::uuid $$;
create function app_public.current_user_id() returns uuid language sql stable security definer
  set search_path to pg_catalog, public, pg_temp as $$
  select user_id from app_private.sessions where uuid = app_public.current_session_id() $$;

create table app_public.users (
  id uuid primary key default gen_random_uuid(), username text not null unique, name text, avatar_url text,
  is_admin boolean not null default false, is_verified boolean not null default false,
  created_at timestamptz not null default now());
alter table app_public.users enable row level security;
alter table app_private.sessions add foreign key (user_id) references app_public.users on delete cascade;
alter table app_private.user_secrets add foreign key (user_id) references app_public.users on delete cascade;
create policy select_all on app_public.users for select using (true);
create policy update_self on app_public.users for update using (id = app_public.current_user_id());
grant select on app_public.users to visitors_visitor;
grant update (username, name, avatar_url) on app_public.users to visitors_visitor;

create table app_public.user_emails (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null default app_public.current_user_id() references app_public.users on delete cascade,
  email text not null, is_verified boolean not null default false, is_primary boolean not null default false,
  created_at timestamptz not null default now(), unique (user_id, email));
create unique index on app_public.user_emails (email) where is_verified is true;
alter table app_public.user_emails enable row level security;
create policy select_own on app_public.user_emails for select using (user_id = app_public.current_user_id());
create policy insert_own on app_public.user_emails for insert with check (user_id = app_public.current_user_id());
create policy delete_own on app_public.user_emails for delete using (user_id = app_public.current_user_id());
grant select, insert (email), delete on app_public.user_emails to visitors_visitor;

create table app_public.organizations (
  id uuid primary key default gen_random_uuid(), slug text not null unique, name text not null,
  created_at timestamptz not null default now());
alter table app_public.organizations enable row level security;
create table app_public.organization_memberships (
  id uuid primary key default gen_random_uuid(), organization_id uuid not null references app_public.organizations on delete cascade,
  user_id uuid not null references app_public.users on delete cascade, is_owner boolean not null default false,
  unique (organization_id, user_id));
create index on app_public.organization_memberships (user_id);
alter table app_public.organization_memberships enable row level security;
create table app_public.organization_invitations (
  id uuid primary key default gen_random_uuid(), organization_id uuid not null references app_public.organizations on delete cascade,
  code text, user_id uuid references app_public.users on delete cascade, email text, unique (organization_id, user_id));
create index on app_public.organization_invitations (user_id);
alter table app_public.organization_invitations enable row level security;
create function app_public.current_user_member_organization_ids() returns setof uuid language sql stable security definer
  set search_path to pg_catalog, public, pg_temp as $$
  select organization_id from app_public.organization_memberships where user_id = app_public.current_user_id() $$;
create function app_public.current_user_invited_organization_ids() returns setof uuid language sql stable security definer
  set search_path to pg_catalog, public, pg_temp as $$
  select organization_id from app_public.organization_invitations where user_id = app_public.current_user_id() $$;
create policy select_member on app_public.organizations for select
  using (id in (select app_public.current_user_member_organization_ids()));
create policy select_invited on app_public.organizations for select
  using (id in (select app_public.current_user_invited_organization_ids()));
create policy select_member on app_public.organization_memberships for select
  using (organization_id in (select app_public.current_user_member_organization_ids()));
create policy select_own on app_public.organization_invitations for select
  using (user_id = app_public.current_user_id());
grant select on app_public.organizations, app_public.organization_memberships, app_public.organization_invitations
  to visitors_visitor;

create function app_private.tg__timestamps() returns trigger language plpgsql volatile
  set search_path to pg_catalog, public, pg_temp as $$
begin new.created_at := old.created_at; return new; end $$;
create trigger _100_timestamps before update on app_public.users for each row execute procedure app_private.tg__timestamps();
create function app_private.tg_user_secrets() returns trigger language plpgsql security definer
  set search_path to pg_catalog, public, pg_temp as $$
begin insert into app_private.user_secrets (user_id) values (new.id); return new; end $$;
create trigger _500_secrets after insert on app_public.users for each row execute procedure app_private.tg_user_secrets();
create function app_public.logout() returns void language plpgsql volatile security definer
  set search_path to pg_catalog, public, pg_temp as $$
begin delete from app_private.sessions where uuid = app_public.current_session_id(); end $$;
create function app_public.leave_organization(organization_id uuid) returns void language plpgsql volatile security definer
  set search_path to pg_catalog, public, pg_temp as $$
begin
  delete from app_public.organization_memberships m
   where m.organization_id = leave_organization.organization_id and m.user_id = app_public.current_user_id();
end $$;
create function app_public.invite_to_organization(organization_id uuid, username text default null, email text default null)
  returns void language plpgsql volatile security definer set search_path to pg_catalog, public, pg_temp as $$
declare v_user app_public.users; v_code text;
begin
  if not exists (select 1 from app_public.organization_memberships m where m.organization_id = invite_to_organization.organization_id
      and m.user_id = app_public.current_user_id() and m.is_owner) then
    raise exception 'only the owner invites' using errcode = 'DNIED';
  end if;
  select * into v_user from app_public.users where users.username = invite_to_organization.username;
  insert into app_public.organization_invitations (organization_id, user_id, email, code)
    values (invite_to_organization.organization_id, v_user.id, invite_to_organization.email, v_code);
end $$;
create function app_public.change_password(old_password text, new_password text) returns boolean language plpgsql volatile
  security definer set search_path to pg_catalog, public, pg_temp as $$
declare v_secret app_private.user_secrets;
begin
  select * into v_secret from app_private.user_secrets where user_secrets.user_id = app_public.current_user_id();
  if v_secret.password_hash = old_password then
    update app_private.user_secrets set password_hash = new_password where user_secrets.user_id = app_public.current_user_id();
    return true;
  end if;
  return false;
end $$;
create function app_public.current_user() returns app_public.users language sql stable as $$
  select users.* from app_public.users where id = app_public.current_user_id() $$;
reset role;
