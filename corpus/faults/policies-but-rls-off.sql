-- fault: The table has policies, and row-level security was never switched on.
-- shape: notes
-- objects: public.notes
-- level: error
-- rowpass: RLS002, RLS001
-- splinter: policy_exists_rls_disabled, rls_disabled_in_public
-- requirements: 47
-- shown: true, fixed false

-- [broken]
alter table notes disable row level security;

-- [proof]
-- as: ann
select count(*) > 0 as shown from notes where tenant_id <> 'a0000000-0000-4000-8000-00000000000a';
