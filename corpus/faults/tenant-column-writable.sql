-- fault: The policy trusts a column that the user may update: the tenant.
-- shape: documents
-- objects: public.people
-- level: error
-- rowpass: RLS017
-- requirements: 54
-- shown: true, fixed 42501

-- [broken]
grant update (tenant_id) on people to saas_api;

-- [proof]
-- as: ann
update people set tenant_id = 'b0000000-0000-4000-8000-00000000000b' where id = 'a1000000-0000-4000-8000-000000000001';
select count(*) > 0 as shown from documents where title = 'Contracts';
