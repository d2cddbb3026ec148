-- fault: The API's role may create objects in the schema, and so functions that other people's queries find.
-- shape: notes
-- objects: public
-- level: warning
-- rowpass: RLS061
-- requirements: 58, 63
-- shown: true, fixed 42501

-- [broken]
grant create on schema public to saas_api;

-- [proof]
-- as: ann
create function public.length(uuid) returns int language sql as 'select 1';
select true as shown;
