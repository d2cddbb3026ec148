-- fault: A unique address over all people: an INSERT or UPDATE tells whether somebody is registered.
-- shape: forum
-- objects: app_public.people, people_email_key
-- level: warning
-- rowpass: RLS070
-- requirements: 56
-- shown: 23505, fixed true

-- [both]
alter table app_public.people add column email text;
reset role;
update app_public.people set email = username || '@forum.example';
set role forum_owner;
grant update (email) on app_public.people to forum_visitor;
-- [broken]
alter table app_public.people add unique (email);

-- [proof]
-- as: ann
update app_public.people set email = 'cat@forum.example' where id = 1;
select true as shown;
