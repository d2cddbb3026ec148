-- A blog as PostGraphile serves it: blog_postgraphile logs in, becomes blog_person, and each claim of the token is a setting
-- jwt.claims.…. A stand-in for a database that you have; run it in an empty one.
create role blog_owner nologin;
create role blog_person nologin;
create role blog_postgraphile login noinherit;
grant blog_person to blog_postgraphile;
create schema app_public authorization blog_owner;
create schema app_private authorization blog_owner;
grant usage on schema app_public to blog_person;
set role blog_owner;

create table app_public.person (
  id int primary key generated always as identity,
  name text not null
);
create table app_private.person_account (
  person_id int primary key references app_public.person,
  email text not null unique
);
create table app_public.post (
  id int primary key generated always as identity,
  author_id int not null references app_public.person,
  headline text not null,
  published boolean not null default false
);

create function app_public.current_person_id() returns int
  language sql stable
  as $$ select nullif(current_setting('jwt.claims.person_id', true), '')::int $$;
-- So that a person can see their own address, which the API cannot read by itself.
create function app_public.my_email() returns text
  language sql stable security definer
  as $$ select email from app_private.person_account where person_id = app_public.current_person_id() $$;

alter table app_public.person enable row level security;
create policy person_select on app_public.person for select using (true);
create policy person_update on app_public.person for update
  using (id = app_public.current_person_id());

alter table app_public.post enable row level security;
create policy post_select on app_public.post for select
  using (published or author_id = app_public.current_person_id());
create policy post_insert on app_public.post for insert
  with check (author_id = app_public.current_person_id());
create policy post_update on app_public.post for update
  using (author_id = app_public.current_person_id());

grant select, update (name) on app_public.person to blog_person;
grant select, insert (author_id, headline), update (headline, published) on app_public.post to blog_person;

-- The front page, from before PostgreSQL 15 had security_invoker.
create view app_public.latest_post as
  select post.id, post.headline, person.name as author
    from app_public.post join app_public.person on person.id = post.author_id
   order by post.id desc limit 10;
grant select on app_public.latest_post to blog_person;

insert into app_public.person (name) values ('Ada'), ('Bob');
insert into app_private.person_account values (1, 'ada@blog.example'), (2, 'bob@blog.example');
insert into app_public.post (author_id, headline, published) values
  (1, 'On engines', true), (1, 'On doubts', false), (2, 'On ladders', true), (2, 'On my colleagues', false);
reset role;
