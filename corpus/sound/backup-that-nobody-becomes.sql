-- sound: A login with BYPASSRLS for dumps, which is a member of nothing and nobody of it.
-- shape: clinic
-- shown: 42501

-- [both]
reset role;
create role clinic_dump login bypassrls;
grant pg_read_all_data to clinic_dump;

-- [proof]
-- as: ann
set local role clinic_dump;
select true as shown;
