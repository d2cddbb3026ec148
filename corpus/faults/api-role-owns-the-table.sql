-- fault: The API's role owns the table, and policies do not hold for an owner without FORCE.
-- shape: files
-- objects: public.files
-- level: error
-- rowpass: RLS006, RLS004, RLS007
-- requirements: 48
-- shown: true, fixed false

-- [broken]
reset role;
alter table files owner to saas_api;
set role saas_owner;

-- [proof]
-- as: ann
select count(*) > 0 as shown from files where owner_id <> 1;
