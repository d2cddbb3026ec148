-- sound: Each person is a role of the database, and current_user says who asks.
-- shape: clinic
-- shown: false

-- [proof]
-- as: ann
select count(*) > 0 as shown from clinic.visits where findings = 'secret';
