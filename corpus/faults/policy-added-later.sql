-- fault: A second permissive policy, written months later, opens what the first one keeps: permissive policies are joined by OR.
-- shape: notes
-- objects: public.notes, notes_shared
-- level: error
-- rowpass: RLS013
-- splinter: multiple_permissive_policies
-- requirements: 53
-- shown: true, fixed false

-- 2025-09: notes can be shared
-- [broken]
create policy notes_shared on notes for select to saas_api
  using (shared);
-- [fixed]
create policy notes_shared on notes for select to saas_api
  using (shared and tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid));

-- [proof]
-- as: ann
select count(*) > 0 as shown from notes where tenant_id <> 'a0000000-0000-4000-8000-00000000000a';
