-- fault: A SECURITY DEFINER function that asks for no claim can be executed by PUBLIC, as PostgreSQL grants it.
-- shape: notes
-- objects: public.purge_tenant
-- level: error
-- rowpass: RLS052, RLS053
-- splinter: anon_security_definer_function_executable, authenticated_security_definer_function_executable
-- requirements: 52, 63
-- shown: true, fixed 42501

-- [both]
-- For the people who close accounts; they have a login of their own.
reset role;
create role saas_closer nologin;
create function purge_tenant(which uuid) returns bigint
  language sql security definer set search_path = ''
  as $$
    with gone as (delete from public.notes n where n.tenant_id = which returning 1)
    select count(*) from gone
  $$;
-- [fixed]
revoke execute on function purge_tenant(uuid) from public;
-- [both]
grant execute on function purge_tenant(uuid) to saas_closer;
set role saas_owner;

-- [proof]
-- as: ann
select purge_tenant('b0000000-0000-4000-8000-00000000000b');
reset role;
select count(*) = 0 as shown from notes where tenant_id = 'b0000000-0000-4000-8000-00000000000b';
