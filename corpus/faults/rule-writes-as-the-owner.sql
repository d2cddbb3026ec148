-- fault: A rule on a view writes with the rights of its owner, past the policies of whoever asked.
-- shape: clinic
-- objects: clinic.all_visits
-- level: error
-- rowpass: RLS058, RLS044
-- requirements: 49
-- shown: true, fixed false

-- [broken]
create view clinic.all_visits as select patient, nth, findings from clinic.visits where false;
create rule change as on update to clinic.all_visits do instead nothing;
create rule add as on insert to clinic.all_visits do instead
  insert into clinic.visits (patient, doctor, nth, findings) values (new.patient, 'clinic_bob', new.nth, new.findings);
grant select, insert on clinic.all_visits to clinic_staff;
-- [fixed]
create view clinic.all_visits with (security_invoker = true) as select patient, nth, findings from clinic.visits;
grant select, insert on clinic.all_visits to clinic_staff;

-- [proof]
-- as: ann
insert into clinic.all_visits values ('p-2', 9, 'forged');
reset session authorization;
select count(*) = 1 as shown from clinic.visits where findings = 'forged' and doctor = 'clinic_bob';
