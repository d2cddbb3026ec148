-- Teams in a schema of their own, asked through definer functions, with wrappers in public for the API.
set role project_owner;
create schema teams;
grant usage on schema teams to authenticated, service_role;
alter default privileges in schema teams revoke execute on functions from public;
create type teams.seat as enum ('owner', 'member');
create table teams.settings (enable_personal boolean not null default true, enable_billing boolean not null default false);
insert into teams.settings default values;
create table teams.accounts (
  id uuid primary key default gen_random_uuid(), primary_owner uuid not null references auth.users default auth.uid(),
  name text, slug text unique, personal boolean not null default false, updated_at timestamptz, created_by uuid,
  private_metadata jsonb not null default '{}');
create table teams.account_user (
  user_id uuid not null references auth.users on delete cascade,
  account_id uuid not null references teams.accounts on delete cascade, seat teams.seat not null,
  primary key (user_id, account_id));
create table teams.invitations (
  id uuid primary key default gen_random_uuid(), account_id uuid not null references teams.accounts on delete cascade,
  seat teams.seat not null, token text not null unique default md5(random()::text), invited_by uuid not null references auth.users,
  created_at timestamptz not null default now());
create table teams.billing_customers (
  id text primary key, account_id uuid not null references teams.accounts on delete cascade, email text);
create table teams.billing_subscriptions (
  id text primary key, account_id uuid not null references teams.accounts on delete cascade, status text not null);
alter table teams.settings enable row level security;
alter table teams.accounts enable row level security;
alter table teams.account_user enable row level security;
alter table teams.invitations enable row level security;
alter table teams.billing_customers enable row level security;
alter table teams.billing_subscriptions enable row level security;
grant select on teams.settings, teams.billing_customers, teams.billing_subscriptions to authenticated;
grant select, insert, update, delete on teams.accounts, teams.account_user, teams.invitations to authenticated;
grant all on all tables in schema teams to service_role;

create function teams.has_seat(account_id uuid, seat teams.seat default null) returns boolean
  language sql security definer set search_path = public as $$
  select exists (select 1 from teams.account_user wu
    where wu.user_id = auth.uid() and wu.account_id = has_seat.account_id
      and (wu.seat = has_seat.seat or has_seat.seat is null)) $$;
grant execute on function teams.has_seat(uuid, teams.seat) to authenticated, service_role;
create function teams.accounts_with_seat(wanted teams.seat default null) returns setof uuid
  language sql security definer set search_path = public as $$
  select account_id from teams.account_user wu
   where wu.user_id = auth.uid() and (wu.seat = wanted or wanted is null) $$;
grant execute on function teams.accounts_with_seat(teams.seat) to authenticated;
create function teams.is_set(field text) returns boolean language plpgsql stable as $$
declare result boolean;
begin
  if field = 'personal' then select enable_personal from teams.settings into result;
  else select enable_billing from teams.settings into result;
  end if;
  return result;
end $$;
grant execute on function teams.is_set(text) to authenticated, service_role;

create policy "settings are for whoever is signed in" on teams.settings for select to authenticated using (true);
create policy "own seats" on teams.account_user for select to authenticated using (user_id = (select auth.uid()));
create policy "teammates" on teams.account_user for select to authenticated
  using (account_id in (select teams.accounts_with_seat()));
create policy "owners remove members" on teams.account_user for delete to authenticated
  using (teams.has_seat(account_id, 'owner') = true
    and user_id <> (select primary_owner from teams.accounts a where account_id = a.id));
create policy "members see accounts" on teams.accounts for select to authenticated
  using (teams.has_seat(id) = true);
create policy "the primary owner sees the account" on teams.accounts for select to authenticated
  using (primary_owner = (select auth.uid()));
create policy "members make teams" on teams.accounts for insert to authenticated
  with check (teams.is_set('personal') = true and primary_owner = (select auth.uid()));
create policy "owners change accounts" on teams.accounts for update to authenticated
  using (teams.has_seat(id, 'owner') = true);
create policy "owners see invitations" on teams.invitations for select to authenticated
  using (created_at > now() - interval '24 hours' and teams.has_seat(account_id, 'owner') = true);
create policy "owners invite" on teams.invitations for insert to authenticated
  with check (teams.has_seat(account_id, 'owner') = true and invited_by = (select auth.uid()));
create policy "members see customers" on teams.billing_customers for select to authenticated
  using (teams.has_seat(account_id) = true);
create policy "members see subscriptions" on teams.billing_subscriptions for select to authenticated
  using (teams.has_seat(account_id) = true);

create function teams.protect_fields() returns trigger language plpgsql as $$
begin
  if current_user in ('authenticated', 'anon') then
    if new.id <> old.id or new.personal <> old.personal or new.primary_owner <> old.primary_owner then
      raise exception 'these fields stay as they are';
    end if;
  end if;
  return new;
end $$;
create trigger protect_fields before update on teams.accounts for each row execute function teams.protect_fields();
create function teams.seat_of_creator() returns trigger language plpgsql security definer set search_path = public as $$
begin
  if new.primary_owner = auth.uid() then
    insert into teams.account_user (account_id, user_id, seat) values (new.id, auth.uid(), 'owner');
  end if;
  return new;
end $$;
create trigger seat_of_creator after insert on teams.accounts for each row execute function teams.seat_of_creator();
create function teams.on_new_user() returns trigger language plpgsql security definer set search_path = public as $$
declare made uuid;
begin
  insert into teams.accounts (name, primary_owner, personal) values (split_part(new.email, '@', 1), new.id, true)
    returning id into made;
  insert into teams.account_user (account_id, user_id, seat) values (made, new.id, 'owner');
  return new;
end $$;
create trigger on_new_user after insert on auth.users for each row execute function teams.on_new_user();

create function public.accept_invitation(lookup text) returns jsonb language plpgsql security definer
  set search_path = public, teams as $$
declare found_account uuid; found_seat teams.seat;
begin
  select account_id, seat into found_account, found_seat from teams.invitations
   where token = lookup and created_at > now() - interval '24 hours';
  if found_account is null then raise exception 'there is no such invitation'; end if;
  insert into teams.account_user (account_id, user_id, seat) values (found_account, auth.uid(), found_seat);
  delete from teams.invitations where token = lookup;
  return json_build_object('account_id', found_account);
end $$;
revoke execute on function public.accept_invitation(text) from public, anon;
create function public.get_account(wanted uuid) returns json language plpgsql as $$
begin
  if current_user in ('anon', 'authenticated') and not teams.has_seat(wanted) then raise exception 'not found'; end if;
  return (select json_build_object('id', a.id, 'name', a.name) from teams.accounts a where a.id = wanted);
end $$;
create function public.current_seat(wanted uuid) returns jsonb language plpgsql as $$
declare seat teams.seat; is_primary boolean;
begin
  select wu.seat, a.primary_owner = auth.uid() into seat, is_primary from teams.account_user wu
    join teams.accounts a on a.id = wanted where wu.user_id = auth.uid() and wu.account_id = wanted;
  return json_build_object('seat', seat, 'is_primary', is_primary);
end $$;
revoke execute on function public.get_account(uuid), public.current_seat(uuid) from public, anon;
reset role;
