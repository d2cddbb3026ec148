-- fault: A view shows the table of accounts, with addresses, to the API.
-- shape: teams
-- objects: public.people
-- level: error
-- rowpass: RLS044
-- splinter: auth_users_exposed, security_definer_view
-- requirements: 49
-- shown: true, fixed 42501

-- [broken]
create view people as select id, email from auth.users;
-- [fixed]
create view people with (security_invoker = true) as select id, email from auth.users;

-- [proof]
-- as: anon
select count(*) > 0 as shown from people;
