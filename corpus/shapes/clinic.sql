-- shape: No claims: each person is a role of the database, in groups; policies compare names with current_user.
-- owner: clinic_owner
-- requests: clinic_staff
-- schemas: clinic
-- person ann: set local session authorization clinic_ann;
-- person bob: set local session authorization clinic_bob;

create role clinic_owner nologin;
create role clinic_staff nologin;
create role clinic_ann login;
create role clinic_bob login;
grant clinic_staff to clinic_ann, clinic_bob;
do $$
begin
  execute format('grant create on database %I to clinic_owner', current_database());
  execute format('revoke temporary on database %I from public', current_database());
end
$$;
set role clinic_owner;
create schema clinic;
grant usage on schema clinic to clinic_staff;
create table clinic.patients (
  number text not null, doctor name not null default current_user, name text not null, primary key (doctor, number));
create table clinic.visits (
  patient text not null, doctor name not null default current_user, nth int not null, findings text,
  primary key (doctor, patient, nth));
alter table clinic.patients enable row level security;
alter table clinic.visits enable row level security;
create policy own on clinic.patients to clinic_staff using (doctor = current_user) with check (doctor = current_user);
create policy own on clinic.visits to clinic_staff using (doctor = current_user) with check (doctor = current_user);
grant select, insert (number, name), update (name) on clinic.patients to clinic_staff;
grant select, insert (patient, nth, findings), update (findings), delete on clinic.visits to clinic_staff;
reset role;
insert into clinic.patients values ('p-1', 'clinic_ann', 'Adams'), ('p-2', 'clinic_bob', 'Brown');
insert into clinic.visits values ('p-1', 'clinic_ann', 1, 'cold'), ('p-2', 'clinic_bob', 1, 'secret');

-- [works]
-- as: ann
insert into clinic.visits (patient, nth, findings) values ('p-1', 2, 'better');
update clinic.visits set findings = 'well' where nth = 2;
select count(*) = 2 as works from clinic.visits where doctor = 'clinic_ann';
