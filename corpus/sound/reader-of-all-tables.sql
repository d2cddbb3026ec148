-- sound: A person is in pg_read_all_data: a right to every table, and past no policy.
-- shape: clinic
-- shown: false

-- [both]
reset role;
grant pg_read_all_data to clinic_ann;

-- [proof]
-- as: ann
select count(*) > 0 as shown from clinic.visits where findings = 'secret';
