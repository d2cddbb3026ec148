-- fault: Row-level security is on and there is no policy: the list is empty for everybody, silently.
-- shape: notes
-- objects: public.tenants
-- level: warning
-- rowpass: RLS003
-- splinter: rls_enabled_no_policy
-- requirements: 47
-- shown: true, fixed false

-- [broken]
drop policy tenants_read on tenants;

-- [proof]
-- as: ann
select count(*) = 0 as shown from tenants where id = 'a0000000-0000-4000-8000-00000000000a';
