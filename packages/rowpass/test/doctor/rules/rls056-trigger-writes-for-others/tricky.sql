-- expect: RLS041:public.mentions:mentions_add
-- The column is whose the row is anyway; the log belongs to nobody; the counter only counts; the last one is asked about
-- in the function, and of the mentions in the policy.
create function app.me() returns bigint language sql stable return (app.claims() ->> 'number')::bigint;
create table inbox (id bigint generated always as identity primary key, owner bigint not null, body text);
create index on inbox (owner);
alter table inbox enable row level security;
create policy inbox_own on inbox for select to authenticated using (owner = (select app.me()));
grant select on inbox to authenticated;
create table log (id bigint generated always as identity primary key, who bigint, what text);
alter table log enable row level security;
create table posts (id bigint generated always as identity primary key, owner bigint not null, answers integer);
create index on posts (owner);
alter table posts enable row level security;
create policy posts_own on posts for select to authenticated using (owner = (select app.me()));
grant select on posts to authenticated;
create table answers (id bigint generated always as identity primary key, author bigint not null, post bigint, friend bigint);
create index on answers (author);
alter table answers enable row level security;
create policy answers_own on answers to authenticated using (author = (select app.me()));
grant select, insert (author, post, friend) on answers to authenticated;
create function app.answered() returns trigger language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  insert into public.inbox (owner, body) values (new.author, 'Thank you.');
  insert into public.log (who, what) values (new.friend, 'answer');
  update public.posts set answers = answers + 1 where id = new.post;
  if new.friend = app.me() then
    insert into public.inbox (owner, body) values (new.friend, 'Yourself?');
  end if;
  return new;
end $$;
create trigger answered after insert on answers for each row execute function app.answered();
create table friends (person bigint, friend bigint, primary key (person, friend));
alter table friends enable row level security;
create policy friends_own on friends for select to authenticated using (person = (select app.me()));
grant select on friends to authenticated;
create table mentions (id bigint generated always as identity primary key, author bigint not null, about bigint not null);
create index on mentions (author);
alter table mentions enable row level security;
create policy mentions_own on mentions for select to authenticated using (author = (select app.me()));
create policy mentions_add on mentions for insert to authenticated
  with check (author = (select app.me()) and about = any (array(select f.friend from friends f)));
grant select, insert (author, about) on mentions to authenticated;
create function app.mentioned() returns trigger language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  insert into public.inbox (owner, body) values (new.about, 'You were mentioned.');
  return new;
end $$;
create trigger mentioned after insert on mentions for each row execute function app.mentioned();
