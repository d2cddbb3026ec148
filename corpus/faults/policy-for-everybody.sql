-- fault: A policy that was meant for one role names none, and holds for every role.
-- shape: helpdesk
-- objects: public.tickets, tickets_support
-- level: error
-- rowpass: RLS010, RLS012, RLS013
-- splinter: rls_policy_always_true, multiple_permissive_policies
-- requirements: 53
-- shown: true, fixed false

-- [both]
reset role;
create role saas_support nologin;
set role saas_owner;
-- [broken]
create policy tickets_support on tickets for select using (true);
-- [fixed]
create policy tickets_support on tickets for select to saas_support using (true);
-- [both]
grant select on tickets to saas_support;

-- [proof]
-- as: ann
select count(*) > 0 as shown from tickets where tenant_id <> 'a0000000-0000-4000-8000-00000000000a';
