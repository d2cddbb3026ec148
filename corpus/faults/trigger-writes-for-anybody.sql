-- fault: A definer trigger writes a row for whomever the new row names.
-- shape: desk
-- objects: desk.mentions, desk.mentioned
-- level: warning
-- rowpass: RLS056
-- shown: true, fixed P0001

-- [both]
create table desk.inbox (owner bigint not null, org integer not null, body text);
create index on desk.inbox (owner);
alter table desk.inbox enable row level security, force row level security;
create policy boss on desk.inbox to desk_boss using (true);
create policy own on desk.inbox for select to desk_user using (owner = (select desk.me()));
grant select on desk.inbox to desk_user;
create table desk.people (id bigint primary key, org integer not null);
alter table desk.people enable row level security, force row level security;
create policy boss on desk.people to desk_boss using (true);
create table desk.mentions (author bigint not null, about bigint not null);
create index on desk.mentions (author);
alter table desk.mentions enable row level security, force row level security;
create policy boss on desk.mentions to desk_boss using (true);
create policy own on desk.mentions to desk_user using (author = (select desk.me()));
grant select, insert on desk.mentions to desk_user;
insert into desk.people values (1, 10), (2, 20), (3, 10);
-- [broken]
create function desk.mentioned() returns trigger language plpgsql security definer set search_path = '' as $$
begin
  insert into desk.inbox (owner, org, body) values (new.about, 0, 'you were mentioned');
  return new;
end $$;
-- [fixed]
create function desk.mentioned() returns trigger language plpgsql security definer set search_path = '' as $$
begin
  if not exists (select from desk.people where id = new.about and org = desk.org()) then
    raise exception 'nobody of yours';
  end if;
  insert into desk.inbox (owner, org, body) values (new.about, desk.org(), 'you were mentioned');
  return new;
end $$;
-- [both]
create trigger mentioned after insert on desk.mentions for each row execute function desk.mentioned();

-- [proof]
-- as: ann
insert into desk.mentions values (1, 2);
-- as: bob
select count(*) = 1 as shown from desk.inbox;
