-- fault: The UPDATE policy has no WITH CHECK, and its USING says nothing of the tenant: a row can be moved to another one.
-- shape: notes
-- objects: public.notes, notes_change
-- level: error
-- rowpass: RLS014
-- splinter: rls_policy_always_true
-- requirements: 53
-- shown: true, fixed 42501

-- [broken]
drop policy notes_change on notes;
create policy notes_change on notes for update to saas_api
  using (author_id = (select nullif(current_setting('app.user_id', true), '')::uuid));

-- [proof]
-- as: ann
update notes set tenant_id = 'b0000000-0000-4000-8000-00000000000b';
reset role;
select count(*) > 0 as shown from notes where tenant_id = 'b0000000-0000-4000-8000-00000000000b' and author_id = 'a1000000-0000-4000-8000-000000000001';
