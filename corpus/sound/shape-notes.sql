-- sound: Policies that read two settings directly, and share within the tenant.
-- shape: notes
-- shown: false

-- [proof]
-- as: ann
select count(*) > 0 as shown from notes where tenant_id = 'b0000000-0000-4000-8000-00000000000b';
