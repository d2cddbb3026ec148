-- sound: The only index is partial, and the policy asks for what it holds.
-- shape: desk
-- shown: false

-- [both]
create table desk.drafts (id bigint generated always as identity primary key, org integer not null, sent boolean not null default false);
create index on desk.drafts (org) where not sent;
alter table desk.drafts enable row level security, force row level security;
create policy boss on desk.drafts to desk_boss using (true);
create policy org on desk.drafts for select to desk_user using (org = (select desk.org()) and not sent);
grant select on desk.drafts to desk_user;
insert into desk.drafts (org) values (20);

-- [proof]
-- as: ann
select count(*) > 0 as shown from desk.drafts;
