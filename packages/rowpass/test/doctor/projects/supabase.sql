-- The roles and shapes of a project at Supabase: a login that becomes three roles, default privileges of two makers, a
-- trigger that signs people up as the owner, tables for the service key alone.
create role project_admin nologin superuser;
create role project_auth_admin login noinherit createrole password 'of-a-throw-away-database';
create role project_postgres login createrole password 'of-a-throw-away-database';
create role project_anon nologin;
create role project_authenticated nologin;
create role project_service_role nologin bypassrls;
create role project_authenticator login noinherit password 'of-a-throw-away-database';
grant project_anon, project_authenticated, project_service_role to project_authenticator;
grant project_anon, project_authenticated, project_service_role to project_postgres;
grant create, usage on schema public to project_postgres;
grant usage on schema public to project_anon, project_authenticated, project_service_role;
create schema auth authorization project_admin;
grant usage on schema auth to project_anon, project_authenticated, project_service_role, project_postgres, project_auth_admin;
alter default privileges for role project_admin in schema public grant all on tables to project_anon, project_authenticated, project_service_role;
alter default privileges for role project_postgres in schema public grant all on tables to project_anon, project_authenticated, project_service_role;
alter default privileges for role project_postgres in schema public grant all on sequences to project_anon, project_authenticated, project_service_role;
alter default privileges for role project_postgres in schema public grant execute on functions to project_anon, project_authenticated, project_service_role;

create table auth.users (id uuid primary key default gen_random_uuid(), email text not null);
alter table auth.users owner to project_auth_admin;
alter table auth.users enable row level security;
grant select, references on auth.users to project_postgres;
create function auth.uid() returns uuid language sql stable as $$
  select coalesce(nullif(current_setting('request.jwt.claim.sub', true), ''),
    (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub'))::uuid $$;
alter function auth.uid() owner to project_auth_admin;

set role project_postgres;
create table public.profiles (id uuid primary key references auth.users, name text, updated_at timestamptz);
create table public.todos (id bigserial primary key, user_id uuid not null, task text not null, done boolean default false);
create table public.customers (id uuid primary key references auth.users, stripe_id text);
create table public.products (id text primary key, name text, active boolean);
create table public.subscriptions (id text primary key, user_id uuid not null references auth.users, product_id text references public.products);
alter table public.profiles enable row level security;
alter table public.todos enable row level security;
alter table public.customers enable row level security;
alter table public.products enable row level security;
alter table public.subscriptions enable row level security;
create policy "Public profiles are viewable by everyone." on public.profiles for select using (true);
create policy "Users can insert their own profile." on public.profiles for insert with check ((select auth.uid()) = id);
create policy "Users can update own profile." on public.profiles for update using (auth.uid() = id);
create policy "Individuals can view their own todos." on public.todos for select using ((select auth.uid()) = user_id);
create policy "Individuals can create todos." on public.todos for insert with check ((select auth.uid()) = user_id);
create policy "Individuals can change their own todos." on public.todos for update using ((select auth.uid() = user_id));
create policy "Allow public read-only access." on public.products for select using (true);
create policy "Can only view own subs data." on public.subscriptions for select using (auth.uid() = user_id);
create view public.open_todos as select user_id, count(*) as n from public.todos where not done group by 1;
create function public.handle_new_user() returns trigger language plpgsql security definer set search_path = '' as $$
  begin insert into public.profiles (id, name) values (new.id, new.email); return new; end $$;
create function public.remove_todos(which uuid) returns void language sql security definer set search_path = ''
  as 'delete from public.todos where user_id = which';
create function public.my_name() returns text language sql stable security definer
  as 'select name from public.profiles where id = auth.uid()';
reset role;
create trigger on_auth_user_created after insert on auth.users for each row execute function public.handle_new_user();
insert into auth.users values ('00000000-0000-4000-8000-00000000000a', 'a@example.org'), ('00000000-0000-4000-8000-00000000000b', 'b@example.org');
insert into public.todos (user_id, task) values
  ('00000000-0000-4000-8000-00000000000a', 'one'), ('00000000-0000-4000-8000-00000000000a', 'two'), ('00000000-0000-4000-8000-00000000000b', 'three');
insert into public.products values ('p', 'Plan', true);
insert into public.customers values ('00000000-0000-4000-8000-00000000000a', 'cus_1');
insert into public.subscriptions values ('s', '00000000-0000-4000-8000-00000000000a', 'p');
