-- shape: PostGraphile: an owner that logs in and migrates, one role of visitors, sessions in a private schema, serial keys.
-- owner: forum_owner
-- requests: forum_visitor
-- schemas: app_public
-- person ann: set local role forum_visitor; select set_config('jwt.claims.session_id', 'a9000000-0000-4000-8000-000000000001', true);
-- person bob: set local role forum_visitor; select set_config('jwt.claims.session_id', 'b9000000-0000-4000-8000-000000000001', true);
-- person visitor: set local role forum_visitor; select set_config('jwt.claims.session_id', '', true);
-- person gate: set local session authorization forum_gate;

create role forum_owner nologin;
create role forum_visitor nologin;
create role forum_gate login noinherit;
grant forum_visitor to forum_gate;
do $$
begin
  execute format('grant create on database %I to forum_owner', current_database());
  execute format('revoke temporary on database %I from public', current_database());
end
$$;
set role forum_owner;
alter default privileges revoke execute on functions from public;
create schema app_public;
create schema app_private;
grant usage on schema app_public to forum_visitor;
create table app_private.sessions (uuid uuid primary key default gen_random_uuid(), person_id int not null);
create index on app_private.sessions (person_id);
create table app_public.people (
  id serial primary key, username text not null, is_admin boolean not null default false, about text not null default '');
alter table app_private.sessions add foreign key (person_id) references app_public.people on delete cascade;
create function app_public.current_session_id() returns uuid language sql stable
  as $$ select nullif(pg_catalog.current_setting('jwt.claims.session_id', true), '')::uuid $$;
create function app_public.current_person_id() returns int language sql stable security definer
  set search_path to pg_catalog, public, pg_temp
  as $$ select person_id from app_private.sessions where uuid = app_public.current_session_id() $$;
grant execute on function app_public.current_session_id(), app_public.current_person_id() to forum_visitor;
create table app_public.topics (
  id serial primary key, author_id int not null default app_public.current_person_id() references app_public.people,
  title text not null, draft boolean not null default false);
create index on app_public.topics (author_id);
create table app_public.letters (
  id serial primary key, sender_id int not null default app_public.current_person_id() references app_public.people,
  receiver_id int not null references app_public.people, body text not null);
create index on app_public.letters (sender_id);
create index on app_public.letters (receiver_id);
alter table app_public.people enable row level security;
alter table app_public.topics enable row level security;
alter table app_public.letters enable row level security;
create policy self on app_public.people for select to forum_visitor using (id = (select app_public.current_person_id()));
create policy change_self on app_public.people for update to forum_visitor
  using (id = (select app_public.current_person_id()));
create policy own on app_public.topics to forum_visitor
  using (author_id = (select app_public.current_person_id())) with check (author_id = (select app_public.current_person_id()));
create policy sent on app_public.letters to forum_visitor
  using (sender_id = (select app_public.current_person_id())) with check (sender_id = (select app_public.current_person_id()));
create policy received on app_public.letters for select to forum_visitor
  using (receiver_id = (select app_public.current_person_id()));
grant select, update (about) on app_public.people to forum_visitor;
grant select, insert (title, draft), update (title, draft), delete on app_public.topics to forum_visitor;
grant select, delete on app_public.letters to forum_visitor;
grant usage on sequence app_public.topics_id_seq to forum_visitor;
reset role;
insert into app_public.people (username) values ('ann'), ('bob'), ('cat');
insert into app_private.sessions values
  ('a9000000-0000-4000-8000-000000000001', 1), ('b9000000-0000-4000-8000-000000000001', 2);
insert into app_public.topics (author_id, title) values (1, 'Apples'), (2, 'Pears');
insert into app_public.letters (sender_id, receiver_id, body) values (1, 2, 'Dear Bob'), (2, 3, 'Dear Cat'), (3, 1, 'Dear Ann');

-- [works]
-- as: ann
insert into app_public.topics (title) values ('Plums');
update app_public.topics set title = 'Prunes' where title = 'Plums';
update app_public.people set about = 'me';
select count(*) = 2 as works from app_public.topics where author_id = 1;
