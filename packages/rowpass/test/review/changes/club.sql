-- change: a policy gets another name
-- effect: none
alter policy posts_read on club.posts rename to posts_of_the_club;
-- change: OR the other way round
-- effect: none
alter policy posts_read on club.posts
  using (club = (select club.mine()) and (state = 'open' or author = (select club.me())));
-- change: AND the other way round
-- effect: none
alter policy fees_all on club.fees using (member = (select club.me()) and club = (select club.mine()))
  with check (member = (select club.me()) and club = (select club.mine()));
-- change: a call without its sub-select
-- effect: none
alter policy members_read on club.members using (club = club.mine());
-- change: a policy of two halves
-- effect: none
drop policy posts_read on club.posts;
create policy posts_own on club.posts for select to club_web using (club = (select club.mine()) and author = (select club.me()));
create policy posts_open on club.posts for select to club_web using (club = (select club.mine()) and state = 'open');
-- change: an index, a column, a comment and a check
-- effect: none
create index posts_state on club.posts (state);
alter table club.posts add column pinned boolean not null default false;
comment on table club.posts is 'what members write';
alter table club.fees add constraint fees_positive check (cents > 0);
-- change: a function in another language
-- effect: none
create or replace function club.me() returns int language plpgsql stable
  as $$ begin return nullif(current_setting('club.member', true), '')::int; end $$;
-- change: one policy for all commands instead of one for each, FORCE besides
-- effect: none
drop policy fees_all on club.fees;
create policy fees_select on club.fees for select to club_web using (club = (select club.mine()) and member = (select club.me()));
create policy fees_delete on club.fees for delete to club_web using (club = (select club.mine()) and member = (select club.me()));
alter table club.fees force row level security;
-- change: a restrictive policy that every row passes
-- effect: none
create policy posts_any on club.posts as restrictive to club_web using (id > 0) with check (id > 0);
-- change: a column that a policy names is called otherwise
-- effect: none
alter table club.posts rename column state to stage;
-- change: everything of the club can be read
-- effect: ada +12 SELECT club.posts posts_read
-- effect: bob +12 SELECT club.posts posts_read
alter policy posts_read on club.posts using (club = (select club.mine()));
-- change: open posts of every club
-- effect: ada +8 SELECT club.posts posts_everywhere
-- effect: bob +8 SELECT club.posts posts_everywhere
-- effect: no claims (club_web) +12 SELECT club.posts posts_everywhere
create policy posts_everywhere on club.posts for select to club_web using (state = 'open');
-- change: row-level security of fees is off
-- effect: ada +33 DELETE club.fees row-level security is off
-- effect: ada +33 SELECT club.fees row-level security is off
-- effect: bob +33 DELETE club.fees row-level security is off
-- effect: bob +33 SELECT club.fees row-level security is off
-- effect: no claims (club_web) +36 DELETE club.fees row-level security is off
-- effect: no claims (club_web) +36 SELECT club.fees row-level security is off
alter table club.fees disable row level security;
-- change: drafts of oneself are hidden
-- effect: ada -4 SELECT club.posts posts_read
-- effect: bob -4 SELECT club.posts posts_read
alter policy posts_read on club.posts using (club = (select club.mine()) and state = 'open');
-- change: fees above a limit are kept
-- effect: ada -3 DELETE club.fees fees_all
-- effect: bob -3 DELETE club.fees fees_all
create policy fees_keep on club.fees as restrictive for delete to club_web using (cents < 100);
-- change: fees are nobody's to remove
-- effect: ada -3 DELETE club.fees fees_all
-- effect: bob -3 DELETE club.fees fees_all
revoke delete on club.fees from club_web;
-- change: the mail of members
-- effect: ada reads the column mail club.members
-- effect: bob reads the column mail club.members
-- effect: no claims (club_web) reads the column mail club.members
grant select (mail) on club.members to club_web;
-- change: a function that knows no club any more
-- effect: ada -3 DELETE club.fees fees_all
-- effect: ada -3 SELECT club.fees fees_all
-- effect: ada -4 SELECT club.members members_read
-- effect: ada -5 CHANGE club.posts posts_write
-- effect: ada -5 INSERT club.posts posts_add
-- effect: ada -5 UPDATE club.posts posts_write
-- effect: ada -8 SELECT club.posts posts_read
-- effect: bob -3 DELETE club.fees fees_all
-- effect: bob -3 SELECT club.fees fees_all
-- effect: bob -4 SELECT club.members members_read
-- effect: bob -5 CHANGE club.posts posts_write
-- effect: bob -5 INSERT club.posts posts_add
-- effect: bob -5 UPDATE club.posts posts_write
-- effect: bob -8 SELECT club.posts posts_read
create or replace function club.mine() returns int language sql stable as $$ select null::int $$;
-- change: whoever asks without claims sees the first club
-- effect: no claims (club_web) +4 SELECT club.members members_read
-- effect: no claims (club_web) +4 SELECT club.posts posts_read
create or replace function club.mine() returns int language sql stable
  as $$ select coalesce(nullif(current_setting('club.id', true), '')::int, 1) $$;
-- change: posts in the name of others
-- effect: ada +15 INSERT club.posts posts_add
-- effect: bob +15 INSERT club.posts posts_add
alter policy posts_add on club.posts with check (club = (select club.mine()));
