-- Accounts with members, as a starter for many tenants has them: functions of the owner that policies ask about each row,
-- and functions for the service key.
create role project_postgres login createrole password 'of-a-throw-away-database';
create role project_anon nologin;
create role project_authenticated nologin;
create role project_service_role nologin bypassrls;
create role project_authenticator login noinherit password 'of-a-throw-away-database';
grant project_anon, project_authenticated, project_service_role to project_authenticator, project_postgres;
create schema base authorization project_postgres;
set role project_postgres;
grant usage on schema base to project_authenticated, project_service_role;
alter default privileges in schema base revoke execute on functions from public;
alter default privileges in schema base grant execute on functions to project_authenticated, project_service_role;
create function base.me() returns uuid language sql stable as $$
  select (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub')::uuid $$;
create table base.accounts (id uuid primary key default gen_random_uuid(), owner_id uuid not null default base.me(), name text, slug text unique);
create table base.members (user_id uuid not null, account_id uuid not null references base.accounts on delete cascade, role text not null, primary key (user_id, account_id));
create table base.invitations (id uuid primary key default gen_random_uuid(), account_id uuid not null references base.accounts, token text not null, role text);
create table base.billing (account_id uuid primary key references base.accounts, plan text);
alter table base.accounts enable row level security;
alter table base.members enable row level security;
alter table base.invitations enable row level security;
alter table base.billing enable row level security;
grant select, insert, update, delete on base.accounts, base.members, base.invitations to project_authenticated, project_service_role;
grant select on base.billing to project_authenticated;
grant all on base.billing to project_service_role;
create function base.has_role_on_account(account_id uuid, wanted text default null) returns boolean
  language sql security definer set search_path = base, public as $$
  select exists (select from base.members m where m.user_id = base.me() and m.account_id = has_role_on_account.account_id
    and (m.role = wanted or wanted is null)) $$;
create function base.add_owner() returns trigger language plpgsql security definer set search_path = base, public as $$
  begin insert into base.members values (new.owner_id, new.id, 'owner'); return new; end $$;
create trigger add_owner after insert on base.accounts for each row execute function base.add_owner();
create policy seen on base.accounts for select to project_authenticated
  using (base.has_role_on_account(id) = true or owner_id = base.me());
create policy made on base.accounts for insert to project_authenticated with check (owner_id = base.me());
create policy changed on base.accounts for update to project_authenticated using (base.has_role_on_account(id, 'owner') = true);
create policy seen on base.members for select to project_authenticated using (base.has_role_on_account(account_id) = true);
create policy left_by on base.members for delete to project_authenticated using (base.has_role_on_account(account_id, 'owner') = true);
create policy seen on base.invitations for select to project_authenticated using (base.has_role_on_account(account_id, 'owner') = true);
create policy seen on base.billing for select to project_authenticated using ((select base.has_role_on_account(account_id)));
create function base.accept_invitation(wanted text) returns uuid language plpgsql security definer set search_path = base, public as $$
  declare found base.invitations;
  begin
    select * into found from base.invitations i where i.token = wanted;
    insert into base.members values (base.me(), found.account_id, found.role) on conflict do nothing;
    return found.account_id;
  end $$;
create function base.service_role_upsert(account uuid, chosen text) returns void language sql security definer set search_path = base as $$
  insert into base.billing values (account, chosen) on conflict (account_id) do update set plan = excluded.plan $$;
revoke execute on function base.service_role_upsert(uuid, text) from project_authenticated;
reset role;
insert into base.accounts (id, owner_id, name) values
  ('00000000-0000-4000-8000-0000000000aa', '00000000-0000-4000-8000-00000000000a', 'A'),
  ('00000000-0000-4000-8000-0000000000bb', '00000000-0000-4000-8000-00000000000b', 'B');
insert into base.billing select id, 'free' from base.accounts;
insert into base.invitations (account_id, token, role) values ('00000000-0000-4000-8000-0000000000bb', 't', 'member');
