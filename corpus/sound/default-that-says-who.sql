-- sound: The column of the person has a default, and no grant for INSERT or UPDATE.
-- shape: clinic
-- shown: 42501

-- [proof]
-- as: ann
insert into clinic.visits (patient, doctor, nth) values ('p-2', 'clinic_bob', 7);
select true as shown;
