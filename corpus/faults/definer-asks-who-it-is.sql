-- fault: A definer function asks for current_user, which is its owner then.
-- shape: clinic
-- objects: clinic.notes, own
-- level: error
-- rowpass: RLS024
-- requirements: 54
-- shown: true, fixed false

-- [both]
create table clinic.notes (owner name primary key, body text not null);
alter table clinic.notes enable row level security;
grant select on clinic.notes to clinic_staff;
insert into clinic.notes values ('clinic_ann', 'mine'), ('clinic_owner', 'of the house');
-- [broken]
create function clinic.who() returns name language sql stable security definer set search_path = pg_catalog, pg_temp return current_user;
-- [fixed]
create function clinic.who() returns name language sql stable set search_path = pg_catalog, pg_temp return current_user;
-- [both]
revoke execute on function clinic.who() from public;
grant execute on function clinic.who() to clinic_staff;
create policy own on clinic.notes for select to clinic_staff using (owner = (select clinic.who()));

-- [proof]
-- as: ann
select count(*) > 0 as shown from clinic.notes where owner = 'clinic_owner';
