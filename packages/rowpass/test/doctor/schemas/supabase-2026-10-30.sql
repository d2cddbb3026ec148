-- What has become of the default privileges of every project on 2026-10-30: tables and sequences are granted one by one.
alter default privileges for role project_owner in schema public
  revoke select, insert, update, delete on tables from anon, authenticated, service_role;
alter default privileges for role project_owner in schema public
  revoke usage, select on sequences from anon, authenticated, service_role;
alter default privileges for role project_owner in schema public
  revoke execute on functions from anon, authenticated, service_role;
