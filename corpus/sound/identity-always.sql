-- sound: A key that is GENERATED ALWAYS cannot be moved, though UPDATE is granted on the table.
-- shape: desk
-- shown: false

-- [both]
create table desk.jobs (id bigint generated always as identity primary key, org integer not null, body text);
create index on desk.jobs (org);
alter table desk.jobs enable row level security, force row level security;
create policy boss on desk.jobs to desk_boss using (true);
create policy org on desk.jobs to desk_user using (org = (select desk.org())) with check (org = (select desk.org()));
grant select, insert, update, delete on desk.jobs to desk_user;
insert into desk.jobs (org, body) values (20, 'theirs');

-- [proof]
-- as: ann
update desk.jobs set org = 20;
select count(*) > 0 as shown from desk.jobs;
