-- Integer keys, a tenant in every row, claims one by one in settings, a plain owner, columns granted one by one.
-- identity: {"name": "ada", "role": "club_web", "claims": {"id": 1, "member": 4}, "tenants": ["1"]}
-- identity: {"name": "bob", "role": "club_web", "claims": {"id": 2, "member": 5}, "tenants": ["2"]}
create role club_owner nologin;
create role club_web nologin;
create schema club authorization club_owner;
set role club_owner;
create function club.me() returns int language sql stable
  as $$ select nullif(current_setting('club.member', true), '')::int $$;
create function club.mine() returns int language sql stable
  as $$ select nullif(current_setting('club.id', true), '')::int $$;
create table club.members (id int primary key, club int not null, level int not null, mail text);
create table club.posts (
  id int primary key, club int not null, author int not null references club.members, state text not null, body text);
create table club.fees (
  id int primary key, club int not null, member int not null references club.members, cents int not null);
create index members_club on club.members (club);
create index posts_club on club.posts (club, author);
create index posts_author on club.posts (author);
create index fees_club on club.fees (club, member);
create index fees_member on club.fees (member);
insert into club.members select n, 1 + n % 3, n % 2, 'm' || n from generate_series(1, 12) n;
insert into club.posts
  select n, 1 + n % 3, 1 + n % 12, case when n % 5 = 0 then 'open' else 'draft' end, 'b' from generate_series(1, 60) n;
insert into club.fees select n, 1 + n % 3, 1 + n % 12, n * 100 from generate_series(1, 36) n;
alter table club.members enable row level security;
alter table club.posts enable row level security;
alter table club.fees enable row level security;
create policy members_read on club.members for select to club_web using (club = (select club.mine()));
create policy posts_read on club.posts for select to club_web
  using (club = (select club.mine()) and (author = (select club.me()) or state = 'open'));
create policy posts_write on club.posts for update to club_web
  using (club = (select club.mine()) and author = (select club.me()))
  with check (club = (select club.mine()) and author = (select club.me()));
create policy posts_add on club.posts for insert to club_web
  with check (club = (select club.mine()) and author = (select club.me()));
create policy fees_all on club.fees to club_web
  using (club = (select club.mine()) and member = (select club.me()))
  with check (club = (select club.mine()) and member = (select club.me()));
grant usage on schema club to club_web;
grant select (id, club, level) on club.members to club_web;
grant select, insert, update on club.posts to club_web;
grant select, delete on club.fees to club_web;
