-- fault: A definer function deletes what its argument names, for whoever calls it.
-- shape: desk
-- objects: desk.wipe
-- level: error
-- rowpass: RLS052
-- splinter: authenticated_security_definer_function_executable, anon_security_definer_function_executable
-- shown: true, fixed false

-- [broken]
create function desk.wipe(p integer) returns void language sql security definer set search_path = ''
  as 'delete from desk.notes where org = p';
-- [fixed]
create function desk.wipe(p integer) returns void language sql security definer set search_path = ''
  as 'delete from desk.notes where org = p and org = desk.org()';
-- [both]
revoke execute on function desk.wipe(integer) from public;
grant execute on function desk.wipe(integer) to desk_user;

-- [proof]
-- as: ann
select desk.wipe(20);
reset role;
select count(*) = 0 as shown from desk.notes where org = 20;
