-- fault: A definer function writes a text argument between quotes into its statement.
-- shape: desk
-- objects: desk.count_by_state
-- level: error
-- rowpass: RLS055
-- splinter: authenticated_security_definer_function_executable
-- shown: true, fixed false

-- [broken]
create function desk.count_by_state(p text) returns bigint language plpgsql security definer set search_path = '' as $$
declare n bigint;
begin
  execute format('select count(*) from desk.notes where org = $1 and state = ''%s''', p) into n using desk.org();
  return n;
end $$;
-- [fixed]
create function desk.count_by_state(p text) returns bigint language plpgsql security definer set search_path = '' as $$
declare n bigint;
begin
  execute format('select count(*) from desk.notes where org = $1 and state = %L', p) into n using desk.org();
  return n;
end $$;
-- [both]
revoke execute on function desk.count_by_state(text) from public;
grant execute on function desk.count_by_state(text) to desk_user;

-- [proof]
-- as: ann
select desk.count_by_state('x'' or ''1'' = ''1') > 2 as shown;
