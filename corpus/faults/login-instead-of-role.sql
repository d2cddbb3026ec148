-- fault: A policy asks for session_user, which is the login of a pool and never the person.
-- shape: clinic
-- objects: clinic.notes, own
-- level: error
-- rowpass: RLS023
-- requirements: 54
-- shown: true, fixed false

-- [both]
reset role;
create role clinic_pool login noinherit;
grant clinic_ann, clinic_bob to clinic_pool;
set role clinic_owner;
create table clinic.notes (owner name primary key, body text not null);
alter table clinic.notes enable row level security;
grant select on clinic.notes to clinic_staff;
insert into clinic.notes values ('clinic_ann', 'mine'), ('clinic_bob', 'his'), ('clinic_pool', 'everybody''s');
-- [broken]
create policy own on clinic.notes for select to clinic_staff using (owner = (select session_user));
-- [fixed]
create policy own on clinic.notes for select to clinic_staff using (owner = (select current_user));

-- [proof]
set local session authorization clinic_pool;
set local role clinic_ann;
select count(*) = 0 as shown from clinic.notes where owner = 'clinic_ann';
