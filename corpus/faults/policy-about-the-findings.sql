-- fault: A second policy shows to all doctors what has findings.
-- shape: clinic
-- objects: clinic.visits, teaching
-- level: error
-- rowpass: RLS013
-- splinter: multiple_permissive_policies
-- requirements: 53
-- shown: true, fixed false
-- wrong: rowpass

-- [broken]
create policy teaching on clinic.visits for select to clinic_staff using (findings is not null);

-- [proof]
-- as: ann
select count(*) > 0 as shown from clinic.visits where findings = 'secret';
