-- The state of the SQL that Rowpass installs. It grows with each change of a file in these folders, and a database that
-- has a larger one is left alone. `npm run sql:snapshot` writes this file.
create or replace function rowpass.revision() returns integer
  language sql immutable parallel safe
  return 27;
revoke all on function rowpass.revision() from public;
