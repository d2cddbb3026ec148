-- shape: A project on Supabase: auth.uid(), default privileges for the roles of the API, teams with members, files in storage.
-- owner: project_owner
-- schemas: public
-- person ann: set local role authenticated; select set_config('request.jwt.claims', '{"sub": "a1000000-0000-4000-8000-000000000001", "role": "authenticated"}', true);
-- person bob: set local role authenticated; select set_config('request.jwt.claims', '{"sub": "b1000000-0000-4000-8000-000000000001", "role": "authenticated"}', true);
-- person anon: set local role anon; select set_config('request.jwt.claims', '{"role": "anon"}', true);
-- person service: set local role service_role; select set_config('request.jwt.claims', '{"role": "service_role"}', true);
-- include: supabase

set role project_owner;
create table profiles (
  id uuid primary key references auth.users, nick text not null, is_admin boolean not null default false);
alter table profiles enable row level security;
create policy "Own profile" on profiles for select to authenticated using (id = (select auth.uid()));
create policy "Change own profile" on profiles for update to authenticated
  using (id = (select auth.uid())) with check (id = (select auth.uid()));
revoke update on profiles from anon, authenticated;
grant update (nick) on profiles to authenticated;
create table teams (id bigint generated always as identity primary key, name text not null);
create table members (team_id bigint not null references teams, user_id uuid not null, primary key (user_id, team_id));
create index on members (team_id);
create table posts (
  id bigint generated always as identity primary key,
  team_id bigint not null references teams,
  author_id uuid not null default auth.uid(),
  body text not null
);
create index on posts (team_id);
create index on posts (author_id);
create function public.my_teams() returns setof bigint language sql stable security definer set search_path = ''
  as $$ select team_id from public.members where user_id = (select auth.uid()) $$;
revoke execute on function public.my_teams() from public, anon;
alter table teams enable row level security;
alter table members enable row level security;
alter table posts enable row level security;
create policy "Own teams" on teams for select to authenticated using (id in (select my_teams()));
create policy "Own memberships" on members for select to authenticated using (user_id = (select auth.uid()));
create policy "Posts of own teams" on posts for select to authenticated using (team_id in (select my_teams()));
create policy "Post" on posts for insert to authenticated
  with check (team_id in (select my_teams()) and author_id = (select auth.uid()));
create policy "Change own posts" on posts for update to authenticated
  using (author_id = (select auth.uid()) and team_id in (select my_teams()))
  with check (author_id = (select auth.uid()) and team_id in (select my_teams()));
create policy "Remove own posts" on posts for delete to authenticated using (author_id = (select auth.uid()));
reset role;
create policy "Own folder" on storage.objects for all to authenticated
  using (bucket_id = 'files' and owner_id = (select auth.uid())::text)
  with check (bucket_id = 'files' and owner_id = (select auth.uid())::text);

insert into auth.users (id, email) values
  ('a1000000-0000-4000-8000-000000000001', 'ann@team.example'), ('b1000000-0000-4000-8000-000000000001', 'bob@team.example');
insert into profiles (id, nick) values ('a1000000-0000-4000-8000-000000000001', 'ann'), ('b1000000-0000-4000-8000-000000000001', 'bob');
insert into teams (name) values ('Red'), ('Blue');
insert into members values (1, 'a1000000-0000-4000-8000-000000000001'), (2, 'b1000000-0000-4000-8000-000000000001');
insert into posts (team_id, author_id, body) values
  (1, 'a1000000-0000-4000-8000-000000000001', 'red plans'), (2, 'b1000000-0000-4000-8000-000000000001', 'blue plans');
insert into storage.buckets values ('files', 'files', false), ('avatars', 'avatars', true);
insert into storage.objects (bucket_id, name, owner_id) values
  ('files', 'ann/plan.pdf', 'a1000000-0000-4000-8000-000000000001'), ('files', 'bob/plan.pdf', 'b1000000-0000-4000-8000-000000000001');

-- [works]
-- as: ann
insert into posts (team_id, body) values (1, 'more');
update posts set body = 'less' where body = 'more';
update profiles set nick = 'anna';
insert into storage.objects (bucket_id, name, owner_id) values ('files', 'ann/b.pdf', 'a1000000-0000-4000-8000-000000000001');
select count(*) = 2 as works from posts where team_id = 1 and author_id = 'a1000000-0000-4000-8000-000000000001';
