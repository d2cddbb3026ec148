-- fault: A policy without TO holds for every role, also for the one of reports.
-- shape: notes
-- objects: public.notes, notes_titles
-- level: error
-- rowpass: RLS010, RLS012, RLS013
-- requirements: 53
-- shown: true, fixed false

-- [both]
reset role;
create role saas_reports nologin;
grant usage on schema public to saas_reports;
grant select on notes to saas_reports;
set role saas_owner;
-- [broken]
create policy notes_titles on notes for select using (title <> '');
-- [fixed]
create policy notes_titles on notes for select to saas_owner using (title <> '');

-- [proof]
-- as: ann
select count(*) > 0 as shown from notes where tenant_id = 'b0000000-0000-4000-8000-00000000000b';
