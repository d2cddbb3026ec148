-- fault: No index begins with the column by which the policy keeps people apart.
-- shape: club
-- objects: club.notices
-- level: warning
-- rowpass: RLS035
-- requirements: 55
-- shown: true, fixed false

-- [both]
create table club.notices (id bigint generated always as identity primary key, person bigint not null, body text not null);
alter table club.notices enable row level security, force row level security;
create policy boss on club.notices to club_boss using (true);
create policy own on club.notices for select to club_member using (person = (select club.me()));
grant select on club.notices to club_member;
-- [fixed]
create index on club.notices (person);

-- [proof]
-- as: ann
set local enable_seqscan = off;
-- plan: select * from club.notices
select not current_setting('proof.plan')::jsonb @? '$.** ? (@."Index Cond" like_regex "person")' as shown;
