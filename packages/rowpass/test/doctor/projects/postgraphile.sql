-- The roles and shapes of a starter with PostGraphile: an owner that logs in for migrations and jobs, a login without
-- rights that becomes the visitor, and functions that sign people up as the owner. No table is forced.
create role project_owner login createrole password 'of-a-throw-away-database';
create role project_visitor nologin;
create role project_gate login noinherit password 'of-a-throw-away-database';
grant project_visitor to project_gate;
grant project_visitor to project_owner;
create schema app_public authorization project_owner;
create schema app_hidden authorization project_owner;
create schema app_private authorization project_owner;
set role project_owner;
grant usage on schema app_public, app_hidden to project_visitor;
alter default privileges in schema app_public, app_hidden grant usage, select on sequences to project_visitor;
create table app_private.sessions (uuid uuid primary key default gen_random_uuid(), user_id bigint not null);
alter table app_private.sessions enable row level security;
create table app_public.users (id bigserial primary key, username text not null unique, is_admin boolean not null default false);
alter table app_public.users enable row level security;
create table app_private.secrets (user_id bigint primary key references app_public.users on delete cascade, hash text not null);
alter table app_private.secrets enable row level security;
create table app_public.posts (id bigserial primary key, author_id bigint not null references app_public.users, body text);
alter table app_public.posts enable row level security;
create function app_public.current_session_id() returns uuid language sql stable as $$
  select nullif(current_setting('jwt.claims.session_id', true), '')::uuid $$;
create function app_public.current_user_id() returns bigint language sql stable security definer
  set search_path = pg_catalog, public, pg_temp as $$
  select user_id from app_private.sessions where uuid = app_public.current_session_id() $$;
create policy select_all on app_public.users for select using (true);
create policy update_self on app_public.users for update using (id = app_public.current_user_id());
grant select on app_public.users to project_visitor;
grant update (username) on app_public.users to project_visitor;
create policy own on app_public.posts using (author_id = app_public.current_user_id());
grant select, insert, update, delete on app_public.posts to project_visitor;
create function app_public.register(username text, password text) returns app_public.users language plpgsql security definer
  set search_path = pg_catalog, public, pg_temp as $$
  declare made app_public.users;
  begin
    insert into app_public.users (username) values (register.username) returning * into made;
    insert into app_private.secrets values (made.id, md5(password));
    return made;
  end $$;
create function app_public.login(username text, password text) returns uuid language sql security definer as $$
  insert into app_private.sessions (user_id)
    select u.id from app_public.users u join app_private.secrets s on s.user_id = u.id
     where u.username = login.username and s.hash = md5(login.password) returning uuid $$;
insert into app_public.users (username) values ('alice'), ('bob');
insert into app_private.secrets select id, md5('secret') from app_public.users;
insert into app_private.sessions select '00000000-0000-4000-8000-00000000000a', id from app_public.users where username = 'alice';
insert into app_public.posts (author_id, body) select id, 'hello' from app_public.users;
reset role;
