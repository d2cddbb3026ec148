-- sound: Another group has a policy of its own that shows everything to it.
-- shape: clinic
-- shown: false

-- [both]
reset role;
create role clinic_heads nologin;
create role clinic_eve login;
grant clinic_heads to clinic_eve;
set role clinic_owner;
grant usage on schema clinic to clinic_heads;
grant select on clinic.visits to clinic_heads;
create policy heads on clinic.visits for select to clinic_heads using (true);

-- [proof]
-- as: ann
select count(*) > 0 as shown from clinic.visits where findings = 'secret';
