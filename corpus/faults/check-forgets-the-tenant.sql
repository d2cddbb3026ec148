-- fault: The WITH CHECK of the INSERT policy asks for the author and forgets the tenant.
-- shape: helpdesk
-- objects: public.replies, replies_add
-- level: error
-- rowpass: RLS015
-- splinter: rls_policy_always_true
-- requirements: 53
-- shown: true, fixed 42501

-- [broken]
alter policy replies_add on replies with check (author_id = (select app.person()));

-- [proof]
-- as: ann
insert into replies (tenant_id, ticket_id, author_id, body)
  values ('b0000000-0000-4000-8000-00000000000b', 'be000000-0000-4000-8000-000000000001', 'a1000000-0000-4000-8000-000000000001', 'Click here');
-- as: bob
select count(*) > 0 as shown from replies where author_id = 'a1000000-0000-4000-8000-000000000001';
