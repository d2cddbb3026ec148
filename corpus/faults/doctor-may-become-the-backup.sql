-- fault: A person is a member of a role with BYPASSRLS.
-- shape: clinic
-- objects: clinic_ann, clinic_dump
-- level: error
-- rowpass: RLS005, RLS006
-- requirements: 48
-- shown: true, fixed 42501

-- [both]
reset role;
create role clinic_dump bypassrls;
grant usage on schema clinic to clinic_dump;
grant select on clinic.visits to clinic_dump;
-- [broken]
grant clinic_dump to clinic_ann;

-- [proof]
-- as: ann
set local role clinic_dump;
select count(*) > 1 as shown from clinic.visits;
