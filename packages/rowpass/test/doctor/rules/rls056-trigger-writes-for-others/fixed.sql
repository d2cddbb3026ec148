-- expect: none
create table inbox (id bigint generated always as identity primary key, owner bigint not null, body text);
create index on inbox (owner);
alter table inbox enable row level security;
create function app.me() returns bigint language sql stable return (app.claims() ->> 'number')::bigint;
create policy inbox_own on inbox for select to authenticated using (owner = (select app.me()));
grant select on inbox to authenticated;
create table friends (person bigint, friend bigint, primary key (person, friend));
alter table friends enable row level security;
create policy friends_own on friends for select to authenticated using (person = (select app.me()));
grant select on friends to authenticated;
create table mentions (id bigint generated always as identity primary key, author bigint not null, about bigint not null);
create index on mentions (author);
alter table mentions enable row level security;
create policy mentions_own on mentions for select to authenticated using (author = (select app.me()));
create policy mentions_add on mentions for insert to authenticated
  with check (author = (select app.me()));
grant select, insert (author, about) on mentions to authenticated;
create function app.mentioned() returns trigger language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  if not exists (select from public.friends where person = app.me() and friend = new.about) then
    raise exception 'no friend of yours';
  end if;
  insert into public.inbox (owner, body) values (new.about, 'You were mentioned.');
  return new;
end $$;
create trigger mentioned after insert on mentions for each row execute function app.mentioned();
