-- fault: MAINTAIN lets a role lock a whole table, and rewrite it.
-- shape: clinic
-- objects: clinic.patients
-- level: warning
-- rowpass: RLS060
-- requirements: 51
-- from: 17
-- shown: true, fixed 42501

-- [broken]
grant maintain on clinic.patients to clinic_staff;

-- [proof]
-- as: ann
lock table clinic.patients in access exclusive mode;
select true as shown;
