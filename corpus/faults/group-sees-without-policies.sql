-- fault: row_security is off for a role: its queries fail instead of being filtered.
-- shape: clinic
-- objects: clinic_ann
-- level: warning
-- rowpass: RLS081
-- requirements: 60
-- shown: 42501, fixed false

-- [broken]
reset role;
alter role clinic_ann set row_security = off;

-- [proof]
-- as: ann
select set_config('row_security', coalesce((select substr(c, 14) from pg_db_role_setting, unnest(setconfig) c where setrole = 'clinic_ann'::regrole and c like 'row_security=%'), 'on'), true);
select count(*) > 1 as shown from clinic.visits;
