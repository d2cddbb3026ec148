-- expect: RLS062:app:doctor_owner:tables
-- Of another owner, to PUBLIC. And one for a role of administration, which is nobody of the API.
create role doctor_owner;
create role doctor_admin bypassrls;
alter default privileges for role doctor_owner in schema app grant insert on tables to public;
alter default privileges in schema app grant select on tables to doctor_admin;
