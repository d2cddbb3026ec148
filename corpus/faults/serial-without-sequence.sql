-- fault: INSERT is granted on a table whose key comes from a sequence that is not.
-- shape: desk
-- objects: desk.logs, id
-- level: warning
-- rowpass: RLS069
-- shown: 42501, fixed true

-- [both]
create table desk.logs (id bigserial primary key, org integer not null);
create index on desk.logs (org);
alter table desk.logs enable row level security, force row level security;
create policy boss on desk.logs to desk_boss using (true);
create policy org on desk.logs to desk_user using (org = (select desk.org()));
grant select, insert (org) on desk.logs to desk_user;
-- [fixed]
grant usage on sequence desk.logs_id_seq to desk_user;

-- [proof]
-- as: ann
insert into desk.logs (org) values (10);
select count(*) = 1 as shown from desk.logs;
